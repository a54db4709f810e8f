// drey exec and drey shell: a command in an instance, with our terminal or our plain streams.

import { describeError, DreyError } from "../../errors.ts";
import { type ExecStreams, execute } from "../../client/streams.ts";
import type { InstanceExecPost } from "../../wire/instance.ts";
import { keyValues, resolveName } from "../resolve.ts";
import type { Shell } from "../shell.ts";
import { inAWhile, nextTurn } from "../../sys/clock.ts";
import { isInteractive, onResize, onSignals, type RawMode, rawMode, terminalSize } from "../terminal.ts";

export async function exec(shell: Shell): Promise<number> {
  const { typed } = shell;
  const interactive = wantsTerminal(shell);
  return await run(shell, {
    command: typed.args.slice(1),
    interactive,
    environment: keyValues(typed.list("env")),
    ...optional("cwd", typed.text("cwd")),
    ...optional("user", typed.integer("user")),
    ...optional("group", typed.integer("group")),
  }, typed.has("disable-stdin"));
}

export function shell(shell: Shell): Promise<number> {
  return run(shell, { command: ["su", "-l"], interactive: isInteractive(), environment: {} }, false);
}

const optional = <K extends string, T>(key: K, value: T | undefined) =>
  value === undefined ? {} : { [key]: value } as Record<K, T>;

function wantsTerminal({ typed }: Shell): boolean {
  const yes = typed.has("force-interactive");
  const no = typed.has("force-noninteractive");
  if ((yes && no) || ((yes || no) && typed.text("mode") !== "auto")) {
    throw new DreyError("BAD_REQUEST", { message: "Give one of --mode, -t and -T" });
  }
  if (yes || typed.text("mode") === "interactive") return true;
  if (no || typed.text("mode") === "non-interactive") return false;
  return !typed.has("disable-stdin") && isInteractive();
}

async function run(shell: Shell, post: InstanceExecPost, isDeaf: boolean): Promise<number> {
  const { remote, name } = resolveName(shell.typed.args[0] ?? "", "instance");
  const client = await shell.connect(remote);
  const term = Deno.env.get("TERM");
  const size = post.interactive ? terminalSize() : undefined;
  if (size !== undefined) {
    Object.assign(post, size);
    if (term !== undefined) post.environment = { TERM: term, ...post.environment };
  }
  using resources = new DisposableStack();
  let raw: RawMode | undefined;
  let listen = () => {};
  // whoever reads what the command says may answer with a signal
  const heard = (write: (data: Uint8Array) => void) => (data: Uint8Array) => {
    listen();
    write(data);
  };
  const streams: ExecStreams = {
    ...(isDeaf ? {} : { stdin: readStdin(shell.say) }),
    stdout: heard(shell.print),
    stderr: heard(writeStderr),
    onControl(control) {
      if (size !== undefined) resources.use(onResize(size, control.resize));
      const leave = (number: number) => {
        resources.dispose();
        Deno.exit(128 + number);
      };
      const isFar = client.transport.kind === "https";
      listen = () => {
        listen = () => {};
        if (!resources.disposed) {
          resources.use(onSignals(isFar ? orLeave(control.signal, leave) : control.signal));
        }
      };
      if (raw === undefined) resources.use(inAWhile(listenAfter, () => listen()));
      else {
        listen();
        raw.handOver();
      }
    },
  };
  if (post.interactive) raw = resources.use(await rawMode());
  return await execute(client, { name, post }, streams);
}

/**
 * `milliseconds` after which signals are handed on to a command that has said nothing, since to listen takes Deno a thread
 * and half a millisecond: until then they end drey, and its command with it
 */
const listenAfter = 10;

/** `milliseconds` after which a signal that is sent again is meant for drey: shells and kernels may send one twice */
const patience = 1000;

/**
 * Hands signals on. Those to end or to hang up that come again end drey: a server whose host has died hands none on to
 * the command.
 */
function orLeave(
  handOn: (number: number) => void,
  leave: (number: number) => void,
): (number: number) => void {
  const first = new Map<number, number>();
  return (number) => {
    const now = performance.now();
    if (now - (first.get(number) ?? now) >= patience) leave(number);
    if ((number === 1 || number === 15) && !first.has(number)) first.set(number, now);
    handOn(number);
  };
}

async function* readStdin(say: Shell["say"]): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(64 << 10);
  // the command is on its way, and may be over before there is any input
  await nextTurn();
  try {
    for (let count; (count = await Deno.stdin.read(buffer)) !== null;) yield buffer.slice(0, count);
  } catch (error) {
    // a terminal that is gone, or a directory: the command goes on, and has come to the end of its input
    say(`Cannot read standard input: ${describeError(error)}`);
  }
}

function writeStderr(data: Uint8Array): void {
  for (let at = 0; at < data.length;) at += Deno.stderr.writeSync(data.subarray(at));
}
