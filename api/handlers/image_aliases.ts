// Aliases of images.

import * as aliases from "../../domain/images/aliases.ts";
import { getImage } from "../../domain/images/records.ts";
import { DreyError } from "../../errors.ts";
import { Created, type Handlers } from "../call.ts";
import { addressOf, isOn, listed } from "../lists.ts";
import { isTrusted } from "../middleware/permission.ts";

type Names =
  | "image.aliases.list"
  | "image.aliases.create"
  | "image.alias.get"
  | "image.alias.update"
  | "image.alias.patch"
  | "image.alias.rename"
  | "image.alias.delete";

export const handlers: Handlers<Names> = {
  "image.aliases.list": async ({ context, caller, project, recursion, query }) => {
    const all = await aliases.listAliases(context, isOn(query("all-projects")) ? undefined : project);
    return listed(isTrusted(caller) ? all : [], {
      recursion,
      filter: query("filter"),
      address: (alias) => addressOf("images/aliases", alias.name, project),
    });
  },
  "image.aliases.create": async ({ context, project, body }) => {
    await aliases.createAlias(context, project, body);
    return new Created(addressOf("images/aliases", body.name, project));
  },
  "image.alias.get": async ({ context, caller, project, params }) => {
    const alias = await aliases.getAlias(context, { project, name: params.name });
    if (isTrusted(caller) || (await getImage(context, project, alias.target)).public) return alias;
    // to a stranger, a private image and none look alike
    throw new DreyError("NOT_FOUND", { message: `Image alias "${params.name}" not found` });
  },
  "image.alias.update": async ({ context, project, params, body }) => {
    if (!body.target) throw new DreyError("BAD_REQUEST", { message: "The target field is required" });
    await aliases.updateAlias(context, { project, name: params.name }, body);
  },
  "image.alias.patch": ({ context, project, params, body }) =>
    aliases.updateAlias(context, { project, name: params.name }, body),
  "image.alias.rename": async ({ context, project, params, body }) => {
    await aliases.renameAlias(context, { project, name: params.name }, body.name);
    return new Created(addressOf("images/aliases", body.name, project));
  },
  "image.alias.delete": ({ context, project, params }) =>
    aliases.deleteAlias(context, { project, name: params.name }),
};
