// How a server bears load: many requests at once, many commands at once, and what it takes of memory. For drey, or any
// server that speaks LXD's API on a unix socket: `deno run -A tests/bench/load.ts --socket PATH --pid PID [--exec NAME]`.

import { parseArgs } from "@std/cli";
import { createClient } from "../../client/client.ts";
import { execute } from "../../client/streams.ts";
import { overUnixSocket } from "../../client/unix.ts";

interface Figures {
  instances: number;
  /** MiB of the idle server, before anything was asked */
  idle: number;
  /** MiB after all of it but the commands */
  after: number;
  /** milliseconds of each of 200 requests at once for all there is to know of all instances, and the processor time of all */
  wide: { p50: number; p99: number; cpu: number; errors: string[] };
  /** MiB after one, five and ten thousand requests */
  memory: { first: number; middle: number; last: number };
  /** requests answered in a second, eight at a time */
  rate: number;
  /** milliseconds until 50 commands that were started at once have ended, and how those went that failed */
  exec?: { total: number; failures: string[] };
}

const wideRequests = 200;
const narrowRequests = 10_000;
const commands = 50;

/** Measures a server that listens. */
export async function measureLoad(
  { socket, pid, exec }: { socket: string; pid: number; exec?: string },
): Promise<Figures> {
  const transport = overUnixSocket(socket);
  const get = async (path: string) => {
    const response = await transport.fetch(new Request(`http://127.0.0.1${path}`));
    const text = await response.text();
    return { status: response.status, text };
  };
  const idle = memoryOf(pid);
  const { text } = await get("/1.0/instances");
  const instances = JSON.parse(text).metadata.length;
  const narrow = await askNarrow(() => get("/1.0/instances"), pid);
  const wide = await askWide(() => get("/1.0/instances?recursion=2"), pid);
  const figures: Figures = { instances, idle, ...narrow, wide, after: memoryOf(pid) };
  if (exec !== undefined) figures.exec = await runMany(socket, exec);
  await transport[Symbol.asyncDispose]();
  return figures;
}

async function askWide(
  ask: () => Promise<{ status: number; text: string }>,
  pid: number,
): Promise<Figures["wide"]> {
  const before = cpuOf(pid);
  const times = await Promise.all(Array.from({ length: wideRequests }, async () => {
    const begun = performance.now();
    const { status, text } = await ask().catch((error) => ({ status: 0, text: String(error) }));
    return {
      took: performance.now() - begun,
      error: status === 200 ? [] : [`${status}: ${text.slice(0, 300)}`],
    };
  }));
  const sorted = times.map(({ took }) => took).toSorted((a, b) => a - b);
  const at = (part: number) =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!);
  return {
    p50: at(0.5),
    p99: at(0.99),
    cpu: cpuOf(pid) - before,
    errors: times.flatMap(({ error }) => error),
  };
}

async function askNarrow(
  ask: () => Promise<unknown>,
  pid: number,
): Promise<Pick<Figures, "memory" | "rate">> {
  const memory: number[] = [];
  const begun = performance.now();
  let sent = 0;
  await Promise.all(Array.from({ length: 8 }, async () => {
    while (sent < narrowRequests) {
      if (++sent % 1000 === 0) memory.push(memoryOf(pid));
      await ask();
    }
  }));
  const rate = Math.round(narrowRequests / ((performance.now() - begun) / 1000));
  return { memory: { first: memory[0]!, middle: memory[4]!, last: memory.at(-1)! }, rate };
}

async function runMany(socket: string, name: string): Promise<Figures["exec"]> {
  await using client = createClient(overUnixSocket(socket));
  const begun = performance.now();
  const ends = await Promise.all(Array.from({ length: commands }, async (_, at) => {
    let said = "";
    const hear = (data: Uint8Array) => void (said += new TextDecoder().decode(data));
    const post = { command: ["sh", "-c", `echo ${at}`] };
    const end = await execute(client, { name, post }, { stdout: hear, stderr: hear }).catch(String);
    return end === 0 && said === `${at}\n` ? [] : [`${end}: ${said}`];
  }));
  return { total: Math.round(performance.now() - begun), failures: ends.flat() };
}

/** Milliseconds of processor time that a process has used; fields 14 and 15 of proc_pid_stat(5), in hundredths. */
function cpuOf(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ").map(Number);
  return ((fields[11] ?? 0) + (fields[12] ?? 0)) * 10;
}

/** Resident memory in MiB. */
function memoryOf(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Math.round(Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024);
}

if (import.meta.main) {
  const { socket, pid, exec } = parseArgs(Deno.args, { string: ["socket", "pid", "exec"] }) as Partial<
    Record<string, string>
  >;
  if (!socket || !pid) throw new Error("--socket and --pid say which server");
  console.log(
    JSON.stringify(await measureLoad({ socket, pid: Number(pid), ...(exec && { exec }) }), null, 2),
  );
}
