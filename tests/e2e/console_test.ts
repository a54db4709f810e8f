// The console of an instance: attached to, shared with nobody, given back to the log however the attachment ends.

import { eventually } from "../support/eventually.ts";
import { assertEquals, assertMatch } from "@std/testing";
import { type Drey, e2e } from "../support/drey.ts";
import { serve } from "../support/server.ts";

const needs = ["userns", "subids", "overlay"] as const;

/** Somebody inside who answers what is typed at the console. */
async function answerAtConsole(drey: Drey): Promise<void> {
  await drey`launch tiny c1`;
  const script = `(exec </dev/console >/dev/console 2>&1; while read x; do echo "got $x"; stty size; done) &`;
  await drey`exec c1 -- sh -c ${script}`;
}

interface Session extends AsyncDisposable {
  type(text: string): Promise<void>;
  /** waits until the console has shown this */
  shows(text: string): Promise<void>;
  child: Deno.ChildProcess;
}

function attach(drey: Drey, words = ["console", "c1"]): Session {
  const child = drey.spawn(words, { stdin: "piped", stdout: "piped", stderr: "inherit" });
  const writer = child.stdin.getWriter();
  const reader = child.stdout.getReader();
  let shown = "";
  return {
    child,
    type: (text) => writer.write(new TextEncoder().encode(text)),
    async shows(text) {
      const late = setTimeout(() => child.kill("SIGKILL"), 120_000);
      while (!shown.includes(text)) {
        const { done, value } = await reader.read();
        if (done) throw new Error(`The console ended without "${text}": ${shown}`);
        shown += new TextDecoder().decode(value);
      }
      clearTimeout(late);
    },
    async [Symbol.asyncDispose]() {
      await writer.close().catch(() => {}); // it may have ended by itself
      await reader.cancel();
      await child.status;
    },
  };
}

await e2e("a console takes what is typed, until Ctrl-a q", { needs }, async (drey) => {
  await answerAtConsole(drey);
  for (const round of ["one", "two"]) {
    await using session = attach(drey);
    await session.type(`${round}\n`);
    await session.shows(`got ${round}`);
    await session.shows("24 80");
    const { code, stderr } = await drey.tries`console c1`;
    assertEquals(code, 1);
    assertMatch(stderr, /attached/);
    await session.type("\x01q");
    assertEquals((await session.child.status).code, 0);
  }
  // what was shown meanwhile is in the log, and so is what comes after
  await drey`exec c1 -- sh -c ${"echo afterwards >/dev/console"}`;
  assertMatch(await drey`console c1 --show-log`, /got one[^]*got two[^]*afterwards/);
});

await e2e("whoever starts an instance may stay at its console", { needs }, async (drey) => {
  await drey`init tiny c1`;
  await using session = attach(drey, ["start", "c1", "--console"]);
  const speak = `(while echo spoken; do sleep 1; done) >/dev/console 2>&1 </dev/null &`;
  await eventually("c1 runs", async () => (await drey.tries`exec c1 -- sh -c ${speak}`).code === 0);
  await session.shows("spoken");
  await session.type("\x01q");
  assertEquals((await session.child.status).code, 0);
  const all = await drey.tries`restart --all --console`;
  assertEquals(all.code, 1);
  assertMatch(all.stderr, /single instance/);
  const screen = await drey.tries`restart c1 --force --console=vga`;
  assertEquals(screen.code, 1);
  assertMatch(screen.stderr, /^Error: Only virtual machines have a graphical console/);
});

await e2e("a killed drey gives the console back to the log", { needs }, async (drey) => {
  await answerAtConsole(drey);
  {
    await using session = attach(drey);
    await session.type("before\n");
    await session.shows("got before");
    session.child.kill("SIGKILL");
  }
  await eventually("the log goes on", async () => {
    await drey`exec c1 -- sh -c ${"echo the log goes on >/dev/console"}`;
    return /the log goes on/.test(await drey`console c1 --show-log`);
  });
  assertMatch(await drey`console c1 --show-log`, /got before[^]*the log goes on/);
  await using session = attach(drey);
  await session.type("again\n");
  await session.shows("got again");
  await session.type("\x01q");
});

await e2e("a console ends with its instance", { needs }, async (drey) => {
  await answerAtConsole(drey);
  await using session = attach(drey);
  await session.type("x\n");
  await session.shows("got x");
  await drey`stop -f c1`;
  assertEquals((await session.child.status).code, 0);
  const { code, stderr } = await drey.tries`console c1`;
  assertEquals(code, 1);
  assertMatch(stderr, /not running/);
});

await e2e("the console's log stays bounded while somebody watches", { needs }, async (drey) => {
  await answerAtConsole(drey);
  await using session = attach(drey);
  await session.type("x\n");
  await session.shows("got x");
  // together: a console that nobody reads makes those wait who write to it
  await Promise.all([drey`exec c1 -- sh -c ${"seq 1 60000 >/dev/console"}`, session.shows("60000")]);
  await session.type("\x01q");
  await session.child.status;
  const log = await drey`console c1 --show-log`;
  assertMatch(log, /60000/);
  assertEquals(log.length > 60_000 && log.length < 500_000, true, `${log.length}`);
});

await e2e("a served console works like one's own", { needs }, async (drey) => {
  await answerAtConsole(drey);
  await using _server = await serve(drey);
  await using session = attach(drey);
  await session.type("served\n");
  await session.shows("got served");
  await session.type("\x01q");
  assertEquals((await session.child.status).code, 0);
});

await e2e("lxc attaches to a console", { needs: [...needs, "lxc"] }, async (drey) => {
  await answerAtConsole(drey);
  await using server = await serve(drey);
  // script(1) lends it a terminal
  const child = server.onTerminal("lxc console c1");
  let isOver = false;
  const ended = child.status.then(() => isOver = true);
  const keyboard = child.stdin.getWriter();
  const type = (text: string) => keyboard.write(new TextEncoder().encode(text)).catch(() => {}); // it has ended
  let shown = "";
  const reading = (async () => {
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) shown += chunk;
  })();
  await eventually("it is attached", () => shown.includes("To detach"), 20);
  await type("hello\n");
  await eventually(`somebody answers`, () => shown.includes("got hello"), 20);
  // the client looks at the first byte of what it reads only, and may read both at once
  await eventually("it lets go", async () => {
    await type("\x01");
    await new Promise((resolve) => setTimeout(resolve, 300));
    await type("q");
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 2000))]);
    return isOver;
  });
  await reading;
  await keyboard.close().catch(() => {}); // it has ended
  assertMatch(await server.lxc("console", "c1", "--show-log"), /got hello/);
});
