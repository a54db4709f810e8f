// Commands in a virtual machine as in a container: terminals, signals, many at once; and its console.

import { eventually } from "../support/eventually.ts";
import { assert, assertEquals, assertMatch } from "@std/testing";
import { type Drey, e2e } from "../support/drey.ts";
import { lendKernel } from "../support/machines.ts";
import { onTerminal } from "../support/terminal.ts";

const needs = ["userns", "subids", "overlay", "machines", "user"] as const;

const inShell = (words: string) => ["exec", "v1", "--", "sh", "-c", words];

async function hasTerminals(drey: Drey): Promise<void> {
  const say = "tty; stat -c %u $(tty); stty size; test -w /dev/tty && echo writable";
  const shown = await onTerminal(drey, inShell(say), { before: "stty rows 33 cols 111" });
  assertMatch(shown.output, /^\/dev\/pts\/\d+\r\n0\r\n33 111\r\nwritable\r\n/);
  assertEquals((await drey.tries`exec v1 -- tty`).stdout, "not a tty\n");
  assertEquals((await onTerminal(drey, inShell("exit 9"))).code, 9);
  const wait =
    'for i in $(seq 600); do [ "$(stty size)" = "40 120" ] && echo resized && exit; sleep 0.1; done';
  const resized = await onTerminal(drey, inShell(wait), {
    before: 'T=$(tty); { sleep 1; stty -F "$T" rows 40 cols 120; } &',
  });
  assertMatch(resized.output, /resized/);
}

async function hearsSignals(drey: Drey): Promise<void> {
  // short sleeps: one that has not begun yet when the signal comes would not be cut short by it
  const trap = "trap 'echo caught; exit 3' INT; echo ready; while :; do sleep 0.2; done";
  const { output, code } = await onTerminal(drey, inShell(trap), { typed: { after: "ready", text: "\x03" } });
  assertMatch(output, /caught\r\n/);
  assertEquals(code, 3);
  const words = drey.commandLine(["exec", "v1", "--", "yes"]);
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", 'timeout 120 "$@" | head -n 1', "sh", ...words],
    env: { ...drey.environment },
  }).output();
  assertEquals(new TextDecoder().decode(stdout), "y\n");
  await eventually("it has ended", async () => !(await drey`exec v1 -- ps -e -o comm`).includes("yes"));
}

async function leavesNothingWaiting(drey: Drey): Promise<void> {
  const started = Date.now();
  assertEquals(
    await drey.run(inShell("sleep 3000 & echo started")).then(({ stdout }) => stdout),
    "started\n",
  );
  assert(Date.now() - started < 300_000);
  const numbers = Array.from({ length: 6 }, (_, index) => index);
  const said = await Promise.all(numbers.map((n) => drey.run(inShell(`echo ${n}; exit ${n}`))));
  assertEquals(said.map(({ stdout, code }) => [stdout, code]), numbers.map((n) => [`${n}\n`, n]));
}

async function hasConsole(drey: Drey): Promise<void> {
  assertMatch(await drey`console v1 --show-log`, /tiny init started/);
  const answer = `(exec </dev/console >/dev/console 2>&1; read x; echo "got $x") &`;
  await drey.run(inShell(answer));
  const child = drey.spawn(["console", "v1"], { stdin: "piped", stdout: "piped", stderr: "inherit" });
  const timer = setTimeout(() => child.kill("SIGKILL"), 120_000);
  const keyboard = child.stdin.getWriter();
  await keyboard.write(new TextEncoder().encode("hello\n"));
  let shown = "";
  for await (const chunk of child.stdout) {
    shown += new TextDecoder().decode(chunk);
    if (shown.includes("got hello")) await keyboard.write(new TextEncoder().encode("\x01q"));
  }
  clearTimeout(timer);
  await keyboard.close().catch(() => {}); // the console may be gone
  assertMatch(shown, /got hello/);
  assertEquals((await child.status).code, 0);
}

// one machine for all of it: a boot takes its time where it is emulated
await e2e(
  "a virtual machine has terminals, signals and a console as a container has",
  { needs },
  async (drey) => {
    await lendKernel(drey);
    await drey`launch tiny v1 --vm`;
    await hasTerminals(drey);
    await hearsSignals(drey);
    await leavesNothingWaiting(drey);
    await hasConsole(drey);
  },
);
