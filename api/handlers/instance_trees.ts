// Whole directories of instances as one stream, for dreys at the other end.

import { useFile } from "../../domain/instances/files.ts";
import type { Handlers } from "../call.ts";

export const handlers: Handlers<"instance.tree.get" | "instance.tree.put"> = {
  "instance.tree.get": async ({ context, project, params, query }) => {
    const request = { do: "get-tree", path: query("path") ?? "" } as const;
    const { content } = await useFile(context, { project, name: params.name }, { request });
    return new Response(content, { headers: { "content-type": "application/octet-stream" } });
  },
  "instance.tree.put": async (call) => {
    const { context, project, params, query } = call;
    const use = {
      request: { do: "put-tree", path: query("path") ?? "" },
      body: call.request.body ?? undefined,
    } as const;
    await useFile(context, { project, name: params.name }, use);
    return null;
  },
};
