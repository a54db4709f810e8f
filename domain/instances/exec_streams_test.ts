import { assert, assertEquals } from "@std/testing";
import { join } from "@std/path";
import { type Sink, type Source, startOnPipes } from "../../sys/piped_child.ts";
import type { Message, Socket } from "../../wire/socket.ts";
import { createStreams, runPiped, runRecorded } from "./exec_streams.ts";

const given = { env: { PATH: "/usr/bin:/bin" }, inherited: [] };

Deno.test("of output that is recorded the beginning is kept, and the command runs to its end", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const files = { stdout: join(directory, "out"), stderr: join(directory, "err") };
    const run = (script: string) =>
      runRecorded(
        startOnPipes(["sh", "-c", script], given),
        files,
        1000,
      );
    const lengths = () => Object.values(files).map((path) => Deno.statSync(path).size);
    assertEquals(await run("head -c 200000 /dev/zero; echo err >&2; exit 4"), { code: 4, isCut: true });
    assertEquals(lengths(), [1000, 4]);
    assertEquals(await run("head -c 1000 /dev/zero"), { code: 0, isCut: false });
    assertEquals(lengths(), [1000, 0]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("orders that mean nothing leave a command and its server alone", async () => {
  const streams = createStreams(["0", "1", "2", "control"]);
  const ready = Promise.withResolvers<void>();
  const connect = async (name: string, messages: readonly Message[] = []) =>
    await streams.connect(streams.secrets[name] ?? "", openSocket({ messages, ready }));
  const signal = (signal: unknown) => JSON.stringify({ command: "signal", signal });
  const odd = ["x", 999, -3, 0, 1.5, {}, null].map(signal);
  for (const name of ["0", "1", "2"]) await connect(name);
  await connect("control", ["nonsense", '{"command":"window-resize","args":5}', ...odd, signal(10)]);
  // what a command's signals go to is the child of the process that waits for it
  const script = 'if (fork) { wait; exit 5 } $| = 1; print "ready"; sleep 600';
  const child = startOnPipes(["perl", "-e", script], given);
  assertEquals(await runPiped(child, streams), 5);
});

Deno.test("what a command has written is not lost where the machine is late to read it", async () => {
  const late = Promise.withResolvers<Uint8Array | undefined>();
  const reads = [late.promise, Promise.resolve(undefined)];
  let isCut = false;
  const output: Source = {
    read: () => reads.shift() ?? Promise.resolve(undefined),
    cut() {
      isCut = true;
      late.resolve(new TextEncoder().encode("said"));
    },
    close: () => Promise.resolve(),
  };
  const said: Message[] = [];
  const taker: Socket = {
    ...openSocket({ messages: [], ready: Promise.withResolvers() }),
    send: (message) => Promise.resolve(void said.push(message)),
  };
  const streams = {
    ...createStreams(["0", "1", "2"]),
    get: (name: string) => name === "1" ? taker : undefined,
  };
  const child = {
    pid: Promise.resolve(0),
    ended: Promise.resolve(0),
    input: noInput,
    output,
    errors: nothing,
  };
  assertEquals(await runPiped(child, streams), 0);
  assertEquals(said, [new TextEncoder().encode("said"), ""]);
  assert(isCut);
});

/** Streams of a command that says nothing and takes anything. */
const nothing: Source = { read: () => Promise.resolve(undefined), close: () => Promise.resolve() };
const noInput: Sink = { write: () => Promise.resolve(), close: () => Promise.resolve() };

Deno.test("what a command has written and somebody has taken is kept no longer", async () => {
  const ended = Promise.withResolvers<number>();
  const MiB = 1 << 20;
  let left = 400;
  const output: Source = {
    read() {
      if (left === 0) ended.resolve(0);
      return Promise.resolve(left-- > 0 ? new Uint8Array(MiB) : undefined);
    },
    close: () => Promise.resolve(),
  };
  const streams = createStreams(["0", "1", "2"]);
  let most = 0;
  const taker: Socket = {
    ...openSocket({ messages: [], ready: Promise.withResolvers() }),
    send() {
      most = Math.max(most, Deno.memoryUsage().external);
      return Promise.resolve();
    },
  };
  const before = Deno.memoryUsage().external;
  const child = { pid: Promise.resolve(0), ended: ended.promise, input: noInput, output, errors: nothing };
  assertEquals(await runPiped(child, { ...streams, get: (name) => name === "1" ? taker : undefined }), 0);
  assert(most - before < 200 * MiB, `${(most - before) / MiB} MiB`);
});

/** Says its messages once something was sent to one of its kind. */
function openSocket(
  { messages, ready }: { messages: readonly Message[]; ready: PromiseWithResolvers<void> },
): Socket {
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  return {
    closed,
    close: () => close(),
    send: () => Promise.resolve(ready.resolve()),
    messages: (async function* () {
      await ready.promise;
      yield* messages;
      await closed;
    })(),
  };
}
