// drey delete: instances and everything that is theirs.

import type { Shell } from "../shell.ts";
import { forEach } from "./several.ts";

export async function remove(shell: Shell): Promise<number> {
  const { args, has } = shell.typed;
  const names = has("interactive") ? args.filter((name) => confirm(`Delete ${name}?`)) : args;
  // the server is asked to stop a running one itself: one request each
  const query = has("force") ? { force: 1 } : {};
  return await forEach(shell, names, async (client, name) => {
    await shell.wait(await client.start("instance.delete", { params: { name }, query }), name);
  });
}
