// Metadata of an instance's image, and its templates.

import { concat } from "@std/bytes";
import * as metadata from "../../domain/instances/metadata.ts";
import { DreyError } from "../../errors.ts";
import { type Handlers, refOf } from "../call.ts";
import { responseOf, sync } from "../envelope.ts";

type Names =
  | "instance.metadata.get"
  | "instance.metadata.put"
  | "instance.metadata.patch"
  | "instance.templates.get"
  | "instance.templates.put"
  | "instance.templates.delete";

/** `bytes` of a template at most */
const limit = 1024 * 1024;

export const handlers: Handlers<Names> = {
  "instance.metadata.get": (call) => metadata.getMetadata(call.context, refOf(call)),
  "instance.metadata.put": (call) =>
    metadata.setMetadata(call.context, refOf(call), { put: call.body, merge: false }),
  "instance.metadata.patch": (call) =>
    metadata.setMetadata(call.context, refOf(call), { put: call.body, merge: true }),
  "instance.templates.get": async (call) => {
    const name = call.query("path") ?? "";
    if (name === "") {
      return responseOf(sync(await metadata.listTemplates(call.context, refOf(call))));
    }
    const content = await metadata.readTemplate(call.context, refOf(call), name);
    return new Response(content, { headers: { "content-type": "application/octet-stream" } });
  },
  "instance.templates.put": async (call) => {
    const content = await readAll(call.request);
    await metadata.writeTemplate(call.context, refOf(call), { name: call.query("path") ?? "", content });
  },
  "instance.templates.delete": (call) =>
    metadata.deleteTemplate(call.context, refOf(call), call.query("path") ?? ""),
};

async function readAll({ body }: Request): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.length;
    if (size > limit) throw new DreyError("TOO_LARGE", { message: `A template may have ${limit} bytes` });
    chunks.push(chunk);
  }
  return concat(chunks);
}
