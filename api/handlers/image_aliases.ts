// Aliases of images.

import type { Context } from "../../domain/context.ts";
import * as aliases from "../../domain/images/aliases.ts";
import { DreyError } from "../../errors.ts";
import type { ImageAliasesEntry } from "../../wire/image.ts";
import { type Caller, Created, type Handlers } from "../call.ts";
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
    return listed(await seen(context, caller, { project, entries: all }), {
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
    const [found] = await seen(context, caller, { project, entries: [alias] });
    if (found !== undefined) return found;
    throw new DreyError("NOT_FOUND", { message: `Image alias "${params.name}" not found` });
  },
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

/** Strangers see the aliases of public images only. */
async function seen(
  context: Context,
  caller: Caller,
  { project, entries }: { project: string; entries: ImageAliasesEntry[] },
): Promise<ImageAliasesEntry[]> {
  if (isTrusted(caller)) return entries;
  const { listImages } = await import("../../domain/images/records.ts");
  const open = (await listImages(context, project)).filter((image) => image.public);
  return entries.filter((alias) => open.some((image) => image.fingerprint === alias.target));
}
