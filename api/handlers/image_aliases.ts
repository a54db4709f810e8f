// Aliases of images.

import * as aliases from "../../domain/images/aliases.ts";
import { Created, type Handlers } from "../call.ts";
import { addressOf, listed } from "../lists.ts";

type Names =
  | "image.aliases.list"
  | "image.aliases.create"
  | "image.alias.get"
  | "image.alias.update"
  | "image.alias.patch"
  | "image.alias.rename"
  | "image.alias.delete";

export const handlers: Handlers<Names> = {
  "image.aliases.list": async ({ context, project, recursion, query }) =>
    listed(await aliases.listAliases(context, project), {
      recursion,
      filter: query("filter"),
      address: (alias) => addressOf("images/aliases", alias.name, project),
    }),
  "image.aliases.create": async ({ context, project, body }) => {
    await aliases.createAlias(context, project, body);
    return new Created(addressOf("images/aliases", body.name, project));
  },
  "image.alias.get": ({ context, project, params }) =>
    aliases.getAlias(context, { project, name: params.name }),
  "image.alias.update": async ({ context, project, params, body }) => {
    await aliases.updateAlias(context, { project, name: params.name }, body);
    return null;
  },
  "image.alias.patch": async ({ context, project, params, body }) => {
    await aliases.updateAlias(context, { project, name: params.name }, body);
    return null;
  },
  "image.alias.rename": async ({ context, project, params, body }) => {
    await aliases.renameAlias(context, { project, name: params.name }, body.name);
    return new Created(addressOf("images/aliases", body.name, project));
  },
  "image.alias.delete": async ({ context, project, params }) => {
    await aliases.deleteAlias(context, { project, name: params.name });
    return null;
  },
};
