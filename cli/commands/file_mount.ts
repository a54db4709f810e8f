// drey file mount: a directory of an instance seen on this side, by sshfs over the API's own SFTP. No SSH is involved.

import { DreyError } from "../../errors.ts";
import { spawn } from "../../sys/run.ts";
import type { Socket } from "../../wire/socket.ts";
import { resolveName } from "../resolve.ts";
import type { Shell } from "../shell.ts";
import { onSignals } from "../terminal.ts";

/** Mounts until Ctrl-C, `umount`, or the instance's start or stop. */
export async function mount(shell: Shell): Promise<void> {
  const [source = "", target = ""] = shell.typed.args;
  const slash = source.indexOf("/");
  const word = slash < 0 ? source : source.slice(0, slash);
  const path = slash < 0 ? "/" : source.slice(slash);
  const { remote, name } = resolveName(word, "instance");
  if (!(await Deno.stat(target)).isDirectory) {
    throw new DreyError("BAD_REQUEST", { message: `Cannot mount on "${target}": it is no directory` });
  }
  const client = await shell.connect(remote);
  const stream = await client.upgrade("instance.sftp", { params: { name } });
  const sshfs = start(stream, [`${name}:${path}`, target]);
  using _signals = onSignals((number) => sshfs.kill(number === 1 || number === 15 ? "SIGTERM" : "SIGINT"));
  shell.say(`Mounting ${name}${path} on ${target}; press Ctrl-C to unmount it`);
  const writer = sshfs.stdin.getWriter();
  const answering = (async () => {
    for await (const bytes of stream.messages) await writer.write(bytes as Uint8Array);
  })();
  const asking = (async () => {
    for await (const bytes of sshfs.stdout) await stream.send(bytes);
  })();
  // sshfs unmounts when nobody answers any more; what is on its way then is nobody's
  const over = answering.catch(() => {}).then(() => writer.close()).catch(() => {});
  asking.catch(() => {});
  const { success, code } = await sshfs.status;
  stream.close();
  await over;
  if (!success) throw new DreyError("COMMAND_FAILED", { message: `sshfs ended with exit status ${code}` });
}

function start(stream: Socket, words: readonly string[]): Deno.ChildProcess {
  try {
    // in the foreground, so that its end is seen; a session of its own, so that Ctrl-C reaches it once
    return spawn(["setsid", "sshfs", "-f", "-o", "passive", ...words], {
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    });
  } catch (error) {
    stream.close();
    throw error;
  }
}
