// What the server is: `/` and `/1.0`.

import type { Handlers } from "../call.ts";
import { isTrusted } from "../middleware/permission.ts";

export const handlers: Handlers<"api.versions" | "server.get" | "cluster.get" | "resources.get"> = {
  "api.versions": () => Promise.resolve(["/1.0"]),
  "cluster.get": () => Promise.resolve({ server_name: "", enabled: false, member_config: [] }),
  "resources.get": async () => (await import("../../domain/resources.ts")).readResources(),
  "server.get": async ({ context, caller, project }) => {
    const { describeServer, describeUntrusted } = await import("../../domain/server.ts");
    if (!isTrusted(caller)) return describeUntrusted();
    return await describeServer(context, { username: caller.username, project });
  },
};
