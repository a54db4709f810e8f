// Commands in a container: their streams, exit status, identity and terminal.

import { eventually } from "../support/eventually.ts";
import { assert, assertEquals, assertMatch } from "@std/testing";
import { join } from "@std/path";
import { runChecked } from "../../sys/run.ts";
import { e2e } from "../support/drey.ts";
import { findHome, readCgroupFacts } from "../../runtime/cgroup_home.ts";
import { onTerminal } from "../support/terminal.ts";

const needs = ["userns", "subids"] as const;

await e2e("five megabytes go in and come out as they were", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  const data = new Uint8Array(5 << 20);
  for (let at = 0; at < data.length; at += 65_536) crypto.getRandomValues(data.subarray(at, at + 65_536));
  const child = drey.spawn(["exec", "c1", "--", "cat"], { stdin: "piped", stdout: "piped" });
  const [, { code, stdout }] = await Promise.all([
    new Blob([data]).stream().pipeTo(child.stdin),
    child.output(),
  ]);
  assertEquals(code, 0);
  assertEquals(stdout.length, data.length);
  assertEquals(await sha256(stdout), await sha256(data));
});

await e2e("output and errors stay apart", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  const { stdout, stderr } = await drey.tries`exec c1 -- sh -c ${"echo out; echo err >&2"}`;
  assertEquals([stdout, stderr], ["out\n", "err\n"]);
});

await e2e("the exit status is the one a shell would give", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  const expected: [string[], number][] = [
    [["true"], 0],
    [["sh", "-c", "exit 7"], 7],
    [["/etc/passwd"], 126],
    [["no-such-program"], 127],
    [["sh", "-c", "kill -9 $$"], 137],
    [["sh", "-c", "kill -TERM $$"], 143],
  ];
  for (const [command, code] of expected) {
    assertEquals((await drey.tries`exec c1 -- ${command}`).code, code, command.join(" "));
  }
  const line = await drey.tries`exec c1 ${"cat /etc/passwd"}`;
  assertEquals([line.code, /sh -c/.test(line.stderr)], [127, true]);
});

await e2e("a name means the instance of the project that was switched to", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  await drey`project create p1 -c features.images=false -c features.profiles=false`;
  await drey`launch tiny c1 --project p1`;
  await drey`exec c1 -- touch /in-default`;
  await drey`project switch p1`;
  assertEquals((await drey.tries`exec c1 -- test -e /in-default`).code, 1);
  await drey`project switch default`;
  assertEquals((await drey.tries`exec c1 -- test -e /in-default`).code, 0);
  await drey`delete --force c1 --project p1`;
});

await e2e("a command gets the environment, directory, user and group asked for", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  const flags = ["--env", "A=b c", "--cwd", "/tmp", "--user", "1000", "--group", "1000"];
  const say = 'echo "$A"; pwd; id -u; id -g; id -G';
  assertEquals(
    await drey`exec c1 ${flags} -- sh -c ${say}`,
    "b c\n/tmp\n1000\n1000\n1000\n",
  );
  assertEquals(await drey`exec c1 -- sh -c ${"pwd; echo $HOME; id -u"}`, "/root\n/root\n0\n");
  const refused = await drey.tries`exec c1 --cwd /nowhere -- pwd`;
  assert(refused.code !== 0);
  assertMatch(refused.stderr, /\/nowhere/);
  // -1 as the kernel counts: a command must not stay the user of the host
  for (const flag of ["--user", "--group"]) {
    const { code, stderr } = await drey.tries`exec c1 ${flag} 4294967295 -- id`;
    assertEquals([code, stderr], [125, "Cannot become 4294967295, which is no id: Invalid argument\n"]);
  }
});

await e2e("a command on a terminal has one of the container's own", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  const say = "tty; stat -c %u $(tty); stty size; test -w /dev/tty && echo writable";
  const shown = await onTerminal(drey, ["exec", "c1", "--", "sh", "-c", say], {
    before: "stty rows 33 cols 111",
  });
  assertMatch(shown.output, /^\/dev\/pts\/\d+\r\n0\r\n33 111\r\nwritable\r\n/);
  const plain = await drey.tries`exec c1 -- tty`;
  assertEquals(plain.stdout, "not a tty\n");
  assertEquals((await onTerminal(drey, ["exec", "c1", "--", "sh", "-c", "exit 9"])).code, 9);
});

await e2e("the size of the terminal follows the caller's", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  const wait =
    'for i in $(seq 600); do [ "$(stty size)" = "40 120" ] && echo resized && exit; sleep 0.1; done';
  // while drey loads, while it connects, while the command runs
  for (const delay of [0.02, 0.08, 0.7]) {
    const { output } = await onTerminal(drey, ["exec", "c1", "--", "sh", "-c", wait], {
      before: `T=$(tty); { sleep ${delay}; stty -F "$T" rows 40 cols 120; } &`,
    });
    assertMatch(output, /resized/, `after ${delay} seconds`);
  }
});

await e2e("Ctrl-C reaches the job in the foreground", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  // the job says itself that it is there: a shell that has yet to start it would start it after the signal
  const wait = "trap 'echo caught' INT; sh -c 'echo ready; exec sleep 600'; echo went on";
  const started = Date.now();
  const { output } = await onTerminal(drey, ["exec", "c1", "--", "sh", "-c", wait], {
    typed: { after: "ready", text: "\x03" },
  });
  assertMatch(output, /caught\r\nwent on/);
  assert(Date.now() - started < 300_000);
});

await e2e("who is told to end by a signal leaves the terminal as it was", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  const modes = `stty -F "$T" -a | grep -ow -- "-\\?icanon"`;
  const end =
    "for p in $(cat /proc/$$/task/$$/children); do [ $(cat /proc/$p/comm) = sh ] || kill -TERM $p; done";
  const before = `T=$(tty); trap '${modes}' EXIT; ` +
    `{ while [ "$(${modes})" = icanon ]; do sleep 0.1; done; ${end}; } &`;
  for (const argv of [["exec", "c1", "--", "sleep", "600"], ["console", "c1"]]) {
    const { output, code } = await onTerminal(drey, argv, { before });
    assertMatch(output, /(^|\n)icanon\r\n$/);
    assertEquals(code, 143);
  }
});

await e2e("a container may put what is run in it into a cgroup of its own, as logind does with a login", {
  needs: [...needs, "cgroup"],
}, async (drey) => {
  await drey`launch tiny c1`;
  const login = "mkdir /sys/fs/cgroup/login && echo $$ >/sys/fs/cgroup/login/cgroup.procs && " +
    "grep ^0:: /proc/self/cgroup && rmdir /sys/fs/cgroup/exec";
  assertEquals(await drey`exec c1 -- sh -c ${login}`, "0::/login\n");
  // and the place for commands that it took away is made anew
  assertEquals(await drey`exec c1 -- grep ^0:: /proc/self/cgroup`, "0::/exec\n");
});

await e2e("a caller whose cgroup was once killed as a whole runs commands", {
  needs: [...needs, "cgroup"],
}, async (drey) => {
  await drey`launch tiny c1`;
  const own = findHome(readCgroupFacts(Deno.uid()!), `killed-${Deno.pid}`)!;
  await Deno.mkdir(own);
  try {
    await Deno.writeTextFile(`${own}/cgroup.kill`, "1", { create: false });
    const words = drey.commandLine(["exec", "c1", "--", "grep", "^0::", "/proc/self/cgroup"]);
    const { stdout } = await new Deno.Command("sh", {
      args: ["-c", 'echo $$ >"$0/cgroup.procs" && timeout 120 "$@"', own, ...words],
      env: { ...drey.environment },
    }).output();
    assertEquals(new TextDecoder().decode(stdout), "0::/exec\n");
  } finally {
    await Deno.remove(own);
  }
});

await e2e("a process left in the background holds up no exec", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  const leave = "sleep 3000 & echo started";
  const started = Date.now();
  assertEquals(await drey`exec c1 -- sh -c ${leave}`, "started\n");
  assertMatch((await onTerminal(drey, ["exec", "c1", "--", "sh", "-c", leave])).output, /started/);
  assert(Date.now() - started < 300_000);
  assertMatch(await drey`exec c1 -- ps -e -o args`, /sleep 3000/);
});

await e2e("a reader that goes away ends the command", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  const words = drey.commandLine(["exec", "c1", "--", "yes"]);
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", 'timeout 120 "$@" | head -n 1', "sh", ...words],
    env: { ...drey.environment },
  }).output();
  assertEquals(new TextDecoder().decode(stdout), "y\n");
  await eventually("it has ended", async () => !(await drey`exec c1 -- ps -e -o comm`).includes("yes"));
});

await e2e("twenty commands at the same time each answer", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  const numbers = Array.from({ length: 20 }, (_, index) => index);
  const said = await Promise.all(numbers.map((n) => drey.tries`exec c1 -- sh -c ${`echo ${n}; exit ${n}`}`));
  assertEquals(said.map(({ stdout, code }) => [stdout, code]), numbers.map((n) => [`${n}\n`, n]));
});

await e2e("nothing runs in an instance that is stopped", { needs }, async (drey) => {
  await drey`init tiny c1`;
  const { code, stderr } = await drey.tries`exec c1 -- true`;
  assertEquals(code, 1);
  assertMatch(stderr, /not running/);
});

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

await e2e(
  "a terminal is raw again after drey was stopped and its shell had it meanwhile",
  { needs },
  async (drey) => {
    await drey`launch tiny c1`;
    const shell = join(drey.directory, "shell");
    const first = async () => {
      const parent = Number(await Deno.readTextFile(shell));
      const child = Number(await Deno.readTextFile(`/proc/${parent}/task/${parent}/children`));
      const terminal = await Deno.readLink(`/proc/${parent}/fd/0`);
      const stty = (...words: string[]) => runChecked(["stty", "-F", terminal, ...words]);
      Deno.kill(child, "SIGSTOP");
      await stty("sane");
      Deno.kill(child, "SIGCONT");
      await eventually("the terminal is raw", async () => {
        const modes = (await stty("-a")).split(/\s+/);
        return ["-icanon", "-echo", "-opost"].every((mode) => modes.includes(mode));
      });
    };
    const { output, code } = await onTerminal(drey, [
      "exec",
      "c1",
      "-t",
      "--",
      "sh",
      "-c",
      "echo ready; read x; exit 3",
    ], {
      // a shell with a trap stays beside its last command, and script(1) stops itself where its own child is stopped
      before: `trap : USR1; echo $$ >${shell}`,
      typed: { after: "ready", text: "x\r", first },
    });
    assertEquals([output, code], ["ready\r\nx\r\n", 3]);
  },
);
