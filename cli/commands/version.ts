// drey version: ours, and the server's that would be called.

import type { Server } from "../../wire/server.ts";
import { resolveOnServer } from "../resolve.ts";
import type { Shell } from "../shell.ts";
import { version as ours } from "../version.ts";

export async function version(shell: Shell): Promise<void> {
  const { args } = shell.typed;
  shell.print(`Client version: ${ours}\n`);
  // without a named remote and a listening server, both are this program, and nothing needs to be asked
  if (args.length === 0 && !await isServed()) {
    shell.print(`Server version: ${ours}\n`);
    return;
  }
  const client = await shell.connect(resolveOnServer(args[0] ?? "").remote);
  const { environment } = await client.call("server.get") as Server;
  // a drey calls itself the LXD whose API it has
  const theirs = environment?.server === "drey" ? environment.driver_version : environment?.server_version;
  shell.print(`Server version: ${theirs ?? "unknown"}\n`);
}

async function isServed(): Promise<boolean> {
  const { defaultSocket } = await import("../../client/connect.ts");
  const { answers } = await import("../../client/unix.ts");
  return answers(await defaultSocket());
}
