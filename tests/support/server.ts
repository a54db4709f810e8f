// A drey that serves, and LXD's own client pointed at it.

import { eventually } from "./eventually.ts";
import { join } from "@std/path";
import { kill, run, type RunResult } from "../../sys/run.ts";
import type { Drey } from "./drey.ts";
import { serverLog, type Transcript } from "./evidence.ts";

/** LXD's client with settings and a certificate of its own. */
export interface Lxc {
  /** runs `lxc` with these words and must succeed; answers with what it printed */
  lxc(...argv: string[]): Promise<string>;
  /** starts `lxc` and leaves it running */
  spawn(argv: readonly string[], options?: Deno.CommandOptions): Deno.ChildProcess;
  tries(argv: readonly string[], options?: { stdin?: string }): Promise<RunResult>;
  /** starts a line of sh in which `lxc` means this server, on a terminal that script(1) lends it */
  onTerminal(line: string): Deno.ChildProcess;
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
  const child = new Deno.Command("sh", {
    args: ["-c", 'exec "$@" 2>>"$0"', serverLog(drey.directory), ...drey.commandLine(["serve"])],
    env: { ...drey.environment },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  let early: Deno.CommandStatus | undefined;
  void child.status.then((status) => early = status);
  const socket = join(drey.directory, "unix.socket");
  await eventually("the server listens", () => answers(socket), 50);
  return {
    pid: child.pid,
    socket,
    ...await openLxc(join(drey.directory, "lxc"), socket, drey.transcript),
    stranger: (name) => openLxc(join(drey.directory, name), "/nowhere", drey.transcript),
    async [Symbol.asyncDispose]() {
      if (early !== undefined) throw new Error(`drey serve ended by itself: ${JSON.stringify(early)}`);
      kill(child, "SIGTERM");
      await child.status;
    },
  };
}

async function openLxc(home: string, socket: string, transcript: Transcript): Promise<Lxc> {
  await Deno.mkdir(home, { recursive: true });
  const env = { ...Deno.env.toObject(), LXD_SOCKET: socket, HOME: home, LXD_CONF: home, LC_ALL: "C.UTF-8" };
  const tries: Lxc["tries"] = async (argv, options = {}) => {
    const start = performance.now();
    const result = await run(["lxc", ...argv], { env, ...options });
    transcript.note(["lxc", ...argv], result, performance.now() - start);
    return result;
  };
  return {
    tries,
    spawn: (argv, options = {}) => {
      const quiet = { stdin: "null", stdout: "null", stderr: "null" } as const;
      return new Deno.Command("lxc", { ...quiet, ...options, args: [...argv], env }).spawn();
    },
    onTerminal: (line) =>
      new Deno.Command("script", {
        args: ["-qec", line, "/dev/null"],
        env: { ...env, TERM: "xterm" },
        stdin: "piped",
        stdout: "piped",
        stderr: "null",
      }).spawn(),
    async lxc(...argv) {
      const { code, stdout, stderr } = await tries(argv);
      if (code !== 0) throw new Error(`lxc ${argv.join(" ")} ended with ${code}:\n${stderr}${stdout}`);
      return stdout;
    },
  };
}

const given = new Set<number>();

/**
 * A port of the loopback address that nobody listens on. It is none that the kernel gives to connections by itself, nor
 * one of the other user whose suite runs beside this one: it stays free until the test uses it.
 */
export function freePort(): number {
  const first = Deno.uid() === 0 ? 20_000 : 24_000;
  while (true) {
    const port = first + Math.floor(Math.random() * 4000);
    if (given.has(port) || !isFree(port)) continue;
    given.add(port);
    return port;
  }
}

function isFree(port: number): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}

/** The file of a socket is there a moment before anybody listens. */
export async function answers(path: string): Promise<boolean> {
  return await Deno.connect({ transport: "unix", path }).then((connection) => {
    connection.close();
    return true;
  }, (error) => {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  });
}
