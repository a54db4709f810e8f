// A real LXD of its own: its daemon with a directory of its own, on a loopback port. Only root can start one.

import { eventually } from "./eventually.ts";
import { join } from "@std/path";
import { run } from "../../sys/run.ts";
import { freePort } from "./server.ts";

export interface ForeignLxd extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  address: string;
  /** runs `lxc` against it, with settings of its own */
  lxc(...argv: string[]): Promise<string>;
}

/** Starts LXD and waits until it answers. */
export async function startLxd(directory: string): Promise<ForeignLxd> {
  const state = join(directory, "lxd");
  await Deno.mkdir(state, { recursive: true });
  const env = { ...Deno.env.toObject(), LXD_DIR: state, LXD_CONF: join(directory, "lxc"), LC_ALL: "C.UTF-8" };
  const child = new Deno.Command("lxd", {
    args: ["--group", "root", "--logfile", join(directory, "lxd.log")],
    env,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const lxc = async (...argv: string[]) => {
    const { code, stdout, stderr } = await run(["lxc", ...argv], { env });
    if (code !== 0) throw new Error(`lxc ${argv.join(" ")} ended with ${code}:\n${stderr}${stdout}`);
    return stdout;
  };
  await eventually("LXD answers", async () => (await run(["lxc", "query", "/1.0"], { env })).code === 0);
  const address = `127.0.0.1:${freePort()}`;
  await lxc("config", "set", "core.https_address", address);
  return {
    address,
    lxc,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
      // what it has mounted for itself
      await run([
        "sh",
        "-c",
        `for dir in devlxd shmounts guestapi; do umount -l "$1/$dir"; done`,
        "sh",
        state,
      ]);
    },
  };
}
