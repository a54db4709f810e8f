// Whole directories of instances as one stream, for dreys at the other end. A caller in this very process may name one
// end of a pipe instead, which the program that works on the files is given as it is.

import { useFile } from "../../domain/instances/files.ts";
import { DreyError } from "../../errors.ts";
import type { Caller, Handlers } from "../call.ts";

export const handlers: Handlers<"instance.tree.get" | "instance.tree.put"> = {
  "instance.tree.get": async ({ caller, context, project, params, query }) => {
    const request = { do: "get-tree", path: query("path") ?? "" } as const;
    const use = { request, ...pipeOf(caller, query("pipe")) };
    const { content } = await useFile(context, { project, name: params.name }, use);
    return new Response(content, { headers: { "content-type": "application/octet-stream" } });
  },
  "instance.tree.put": async (call) => {
    const { caller, context, project, params, query } = call;
    const request = { do: "put-tree", path: query("path") ?? "" } as const;
    const given = pipeOf(caller, query("pipe"));
    const body = "pipe" in given ? undefined : call.request.body ?? undefined;
    await useFile(context, { project, name: params.name }, { request, body, ...given });
  },
};

/** The descriptor a caller names, which only means something in the caller's own process. */
function pipeOf({ protocol }: Caller, text: string | undefined): { pipe?: number } {
  if (text === undefined) return {};
  if (protocol === "in-process" && /^\d+$/.test(text)) return { pipe: Number(text) };
  throw new DreyError("BAD_REQUEST", { message: "A pipe is for callers in the same process" });
}
