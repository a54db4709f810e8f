// What the server is and how it is set: `/` and `/1.0`.

import type { Handlers } from "../call.ts";
import { isAdmin, isTrusted } from "../middleware/permission.ts";

type Names =
  | "api.versions"
  | "server.get"
  | "server.update"
  | "server.patch"
  | "cluster.get"
  | "resources.get";

export const handlers: Handlers<Names> = {
  "api.versions": () => Promise.resolve(["/1.0"]),
  "cluster.get": () => Promise.resolve({ server_name: "", enabled: false, member_config: [] }),
  "resources.get": async () => (await import("../../domain/resources.ts")).readResources(),
  "server.get": async ({ context, caller, project }) => {
    const { describeServer, describeUntrusted } = await import("../../domain/server.ts");
    if (!isTrusted(caller)) return describeUntrusted();
    return await describeServer(context, {
      username: caller.username,
      method: caller.protocol === "tls" ? "tls" : "unix",
      project,
      isAdmin: isAdmin(caller),
    });
  },
  "server.update": async ({ context, body }) =>
    await (await import("../../domain/server_config.ts")).updateServerConfig(context, body),
  "server.patch": async ({ context, body }) =>
    await (await import("../../domain/server_config.ts")).patchServerConfig(context, body),
};
