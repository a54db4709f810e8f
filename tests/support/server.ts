// A drey that serves, and LXD's own client pointed at it.

import { eventually } from "./eventually.ts";
import { join } from "@std/path";
import { run, type RunResult } from "../../sys/run.ts";
import type { Drey } from "./drey.ts";

/** LXD's client with settings and a certificate of its own. */
export interface Lxc {
  /** runs `lxc` with these words and must succeed; answers with what it printed */
  lxc(...argv: string[]): Promise<string>;
  /** runs a line of sh in which `lxc` means this server */
  shell(line: string): Promise<RunResult>;
  /** starts `lxc` and leaves it running */
  spawn(argv: readonly string[], options?: Deno.CommandOptions): Deno.ChildProcess;
  tries(argv: readonly string[], options?: { stdin?: string }): Promise<RunResult>;
}

export interface TestServer extends AsyncDisposable, Lxc {
  /** of the process that serves */
  readonly pid: number;
  readonly socket: string;
  /** another client, which does not know the server's socket */
  stranger(name: string): Promise<Lxc>;
}

/** Starts `drey serve` and waits until it listens. */
export async function serve(drey: Drey): Promise<TestServer> {
  const child = drey.spawn(["serve"], { stdout: "null", stderr: "null" });
  const socket = join(drey.directory, "unix.socket");
  await eventually("the server listens", () => isThere(socket), 50);
  return {
    pid: child.pid,
    socket,
    ...await openLxc(join(drey.directory, "lxc"), socket),
    stranger: (name) => openLxc(join(drey.directory, name), "/nowhere"),
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
    },
  };
}

async function openLxc(home: string, socket: string): Promise<Lxc> {
  await Deno.mkdir(home, { recursive: true });
  const env = { ...Deno.env.toObject(), LXD_SOCKET: socket, HOME: home, LXD_CONF: home, LC_ALL: "C.UTF-8" };
  const tries: Lxc["tries"] = (argv, options = {}) => run(["lxc", ...argv], { env, ...options });
  return {
    tries,
    spawn: (argv, options = {}) => {
      const quiet = { stdin: "null", stdout: "null", stderr: "null" } as const;
      return new Deno.Command("lxc", { ...quiet, ...options, args: [...argv], env }).spawn();
    },
    shell: (line) => run(["sh", "-c", line], { env }),
    async lxc(...argv) {
      const { code, stdout, stderr } = await tries(argv);
      if (code !== 0) throw new Error(`lxc ${argv.join(" ")} ended with ${code}:\n${stderr}${stdout}`);
      return stdout;
    },
  };
}

/** A port of the loopback address that nobody listens on. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, (error) => {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  });
}
