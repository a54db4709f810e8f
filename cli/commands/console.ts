// drey console: at the console of an instance, until Ctrl-a q; or what it showed so far.

import type { Client } from "../../client/client.ts";
import { attachConsole } from "../../client/streams.ts";
import { followed } from "../../wire/console.ts";
import { resolveName } from "../resolve.ts";
import type { Shell } from "../shell.ts";
import { onResize, rawMode, terminalSize } from "../terminal.ts";

export async function console(shell: Shell): Promise<void> {
  const { remote, name } = resolveName(shell.typed.args[0] ?? "", "instance");
  const client = await shell.connect(remote);
  const type = shell.typed.text("type");
  if (type === "vga" || !shell.typed.has("show-log")) return await open(shell, { client, name, type });
  const response = await client.raw("instance.console.log", { params: { name } });
  shell.print(shown(new Uint8Array(await response.arrayBuffer())));
}

/** What was written in the past is not obeyed by the terminal of today: as text, it is looked through. */
const shown = (log: Uint8Array): string | Uint8Array =>
  Deno.stdout.isTerminal() ? new TextDecoder().decode(log) : log;

/** Where the last lines of a log begin. */
export function startOfTail(log: Uint8Array, lines: number): number {
  // the end of the last line begins none
  let at = log.at(-1) === 10 ? log.length - 1 : log.length;
  if (lines === 0) return log.length;
  for (; lines > 0 && at >= 0; lines--) at = at === 0 ? -1 : log.lastIndexOf(10, at - 1);
  return at + 1;
}

/** What an instance has written on its console; with --follow, also what it goes on to write. */
export async function logs(shell: Shell): Promise<void> {
  const { remote, name } = resolveName(shell.typed.args[0] ?? "", "instance");
  const client = await shell.connect(remote);
  const params = { name };
  const read = async () =>
    new Uint8Array(await (await client.raw("instance.console.log", { params })).arrayBuffer());
  const tail = shell.typed.text("tail");
  const isFollowed = shell.typed.has("follow");
  const log = isFollowed && tail === undefined ? undefined : await read();
  const start = tail === undefined || log === undefined ? 0 : startOfTail(log, Number(tail));
  if (!isFollowed) return shell.print(shown(log?.subarray(start) ?? new Uint8Array()));
  const response = await client.raw("instance.console.log", { params, query: { follow: true } });
  if (response.headers.has(followed)) return await printAll(shell, response, start);
  await response.body?.cancel();
  await lookAgain(shell, { client, name, start, read });
}

/** Prints what arrives, but for the first bytes. */
async function printAll(shell: Shell, response: Response, skip: number): Promise<void> {
  const decoder = new TextDecoder();
  const isTerminal = Deno.stdout.isTerminal();
  for await (const chunk of response.body ?? []) {
    const wanted = chunk.subarray(Math.min(skip, chunk.length));
    skip -= chunk.length - wanted.length;
    shell.print(isTerminal ? decoder.decode(wanted, { stream: true }) : wanted);
  }
}

/** `milliseconds` between looks at the log of a server that tells of no news, as LXD's */
const lookEvery = 500;

async function lookAgain(
  shell: Shell,
  { client, name, start, read }: {
    client: Client;
    name: string;
    start: number;
    read: () => Promise<Uint8Array>;
  },
): Promise<void> {
  for (let done = start;;) {
    const { status } = await client.call("instance.state", { params: { name } });
    const log = await read();
    // a log that has become shorter was begun anew
    if (log.length < done) done = 0;
    shell.print(shown(log.subarray(done)));
    done = log.length;
    if (status === "Stopped") return;
    await new Promise((resolve) => setTimeout(resolve, lookEvery));
  }
}

/** An instance whose console is wanted. */
export interface Attachment {
  client: Client;
  name: string;
  /** called once, when what the instance writes from now on is seen */
  onAttached?: () => void;
}

/** Attaches to the console of an instance, or to the screen of a machine: of type `vga`. */
export async function open(
  shell: Shell,
  { client, name, type }: Pick<Attachment, "client" | "name"> & { type: string | undefined },
): Promise<void> {
  if (type !== "vga") return await attach(shell, { client, name });
  const { showScreen } = await import("./screen.ts");
  await showScreen(shell, { client, name });
}

/** Attaches to the console of an instance. */
export async function attach(shell: Shell, { client, name, onAttached }: Attachment): Promise<void> {
  const detach = new AbortController();
  using resources = new DisposableStack();
  if (Deno.stdin.isTerminal()) shell.say("To detach from the console, press: <ctrl>+a q");
  resources.use(await rawMode());
  const size = terminalSize();
  await attachConsole(client, { name, post: { type: "console", ...size } }, {
    input: untilDetached(readStdin(), () => detach.abort()),
    output: (data) => shell.print(data),
    onControl: ({ resize }) => {
      resources.use(onResize(size, resize));
      onAttached?.();
    },
    detach: detach.signal,
  });
}

async function* readStdin(): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(4096);
  for (let count; (count = await Deno.stdin.read(buffer)) !== null;) yield buffer.slice(0, count);
}

const ctrlA = 1;
const q = "q".charCodeAt(0);

/** Passes on what is typed; Ctrl-a waits for the next key, and with q ends it. */
export async function* untilDetached(
  typed: AsyncIterable<Uint8Array>,
  detach: () => void,
): AsyncGenerator<Uint8Array> {
  let isEscaped = false;
  for await (const chunk of typed) {
    const passed: number[] = [];
    for (const key of chunk) {
      if (isEscaped && key === q) {
        if (passed.length > 0) yield Uint8Array.from(passed);
        return detach();
      }
      if (isEscaped) passed.push(ctrlA);
      isEscaped = key === ctrlA && !isEscaped;
      if (!isEscaped && key !== ctrlA) passed.push(key);
    }
    if (passed.length > 0) yield Uint8Array.from(passed);
  }
}
