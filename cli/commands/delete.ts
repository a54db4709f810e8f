// drey delete: instances and everything that is theirs.

import type { Client } from "../../client/client.ts";
import { knows } from "../extensions.ts";
import type { Shell } from "../shell.ts";
import { forEach } from "./several.ts";
import { splitSnapshot } from "./snapshot.ts";

export async function remove(shell: Shell): Promise<number> {
  const { args, has } = shell.typed;
  const names = has("interactive") ? await chosen(args) : args;
  // the server is asked to stop a running one itself: one request each
  const query = has("force") ? { force: 1 } : {};
  return await forEach(shell, names, async (client, name) => {
    const { name: instance, snapshot } = splitSnapshot(name);
    if (snapshot !== undefined) {
      const params = { name: instance, snapshot };
      return await shell.wait(await client.start("snapshot.delete", { params }), name);
    }
    // older servers leave it to the client
    if (has("force") && !await knows(client, "instance_force_delete") && await stop(shell, client, name)) {
      return;
    }
    await shell.wait(await client.start("instance.delete", { params: { name }, query }), name);
  });
}

async function chosen(names: readonly string[]): Promise<string[]> {
  const { ask } = await import("../ask.ts");
  const wanted: string[] = [];
  for (const name of names) {
    const answer = await ask(`Delete ${name}? (yes/no) `, "Leave out --interactive");
    if (/^y(es)?$/i.test(answer)) wanted.push(name);
  }
  return wanted;
}

/** Stops an instance that runs; whether it is gone by that, as ephemeral ones are. */
async function stop(shell: Shell, client: Client, name: string): Promise<boolean> {
  const params = { name };
  const { status, ephemeral } = await client.call("instance.get", { params });
  if (status === "Stopped") return false;
  const body = { action: "stop", force: true } as const;
  await shell.wait(await client.start("instance.state.change", { params, body }), name);
  return ephemeral;
}
