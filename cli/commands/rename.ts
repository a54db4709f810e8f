// drey rename and drey move: another name on the same server.

import { DreyError } from "../../errors.ts";
import { resolveName } from "../resolve.ts";
import type { Shell } from "../shell.ts";

export async function rename(shell: Shell): Promise<void> {
  const [from = "", to = ""] = shell.typed.args;
  const { remote, name } = resolveName(from, "instance");
  const target = resolveName(to, "instance");
  if (to.includes(":") && target.remote !== remote) {
    throw new DreyError("NOT_SUPPORTED", {
      message: "Moving an instance to another server is not supported yet",
    });
  }
  const client = await shell.connect(remote);
  const body = { name: target.name };
  await shell.wait(await client.start("instance.rename", { params: { name }, body }), name);
}
