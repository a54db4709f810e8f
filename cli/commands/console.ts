// drey console: what the console of an instance showed.

import { DreyError } from "../../errors.ts";
import { resolveName } from "../resolve.ts";
import type { Shell } from "../shell.ts";

export async function console(shell: Shell): Promise<void> {
  const { remote, name } = resolveName(shell.typed.args[0] ?? "", "instance");
  if (!shell.typed.has("show-log")) {
    throw new DreyError("NOT_SUPPORTED", {
      message: "Attaching to a console is not supported yet",
      hint: `For its log: drey console ${name} --show-log; for a shell: drey exec ${name} bash`,
    });
  }
  const client = await shell.connect(remote);
  const response = await client.raw("instance.console.log", { params: { name } });
  shell.print(new Uint8Array(await response.arrayBuffer()));
}
