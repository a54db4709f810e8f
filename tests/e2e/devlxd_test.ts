// /dev/lxd/sock: what an instance learns of itself, who may ask, and that asking is all that costs anything.

import { eventually } from "../support/eventually.ts";
import { assert, assertEquals, assertMatch } from "@std/testing";
import { type Drey, e2e } from "../support/drey.ts";
import { initOf, snippets } from "../support/inside.ts";

const needs = ["userns", "subids", "overlay"] as const;

interface Answer {
  status: number;
  type: string;
  body: string;
}

/** Asks from inside. */
async function ask(
  drey: Drey,
  path: string,
  { method = "GET", body = "", user = "0" } = {},
): Promise<Answer> {
  const argv = ["exec", "c1", "--user", user, "--env", "LC_ALL=C", "--", "perl", "-e", snippets.askGuest];
  const { code, stdout, stderr } = await drey.run([...argv, method, path, body], { timeout: 120_000 });
  assertEquals([code, stderr], [0, ""], `${method} ${path}`);
  const [head = "", ...rest] = stdout.split("\r\n\r\n");
  return {
    status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]),
    type: /^content-type: ([^;\r]+)/mi.exec(head)?.[1] ?? "",
    body: rest.join("\r\n\r\n"),
  };
}

await e2e("an instance learns of itself at /dev/lxd/sock", { needs }, async (drey) => {
  await drey`profile set default user.shared=profile`;
  await drey`init tiny c1 -c user.own=${"two words"} -c cloud-init.user-data=${"#cloud-config\npackages: [vim]\n"}`;
  await drey`config set c1 user.meta-data ${"from: here\n"}`;
  await drey`start c1`;
  assertEquals(
    await drey`exec c1 -- stat -c ${"%a %u %F"} /dev/lxd /dev/lxd/sock`,
    "755 0 directory\n666 0 socket\n",
  );
  const read = async (path: string) => JSON.parse((await ask(drey, path)).body);
  assertEquals(await read("/"), ["/1.0"]);
  assertEquals(await read("/1.0"), {
    api_version: "1.0",
    auth: "untrusted",
    instance_type: "container",
    location: "none",
    state: "Started",
  });
  const keys = ["cloud-init.user-data", "user.meta-data", "user.own", "user.shared"];
  assertEquals(await read("/1.0/config"), keys.map((key) => `/1.0/config/${key}`));
  const { root, eth0 } = await read("/1.0/devices");
  assertEquals(root, { path: "/", pool: "default", type: "disk" });
  if (eth0 !== undefined) assertMatch(eth0.hwaddr, /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
  assertEquals(await read("/1.0/ubuntu-pro"), { guest_attach: "off" });
  const text = async (path: string) => (await ask(drey, path)).body;
  assertEquals(await text("/1.0/config/user.own"), "two words");
  assertEquals(await text("/1.0/config/cloud-init.user-data"), "#cloud-config\npackages: [vim]\n");
  const id = async (name: string) => (await drey`config get ${name} volatile.cloud-init.instance-id`).trim();
  const first = await id("c1");
  assertMatch(first, /^[0-9a-f-]{36}$/);
  assertEquals(
    await text("/1.0/meta-data"),
    `#cloud-config\ninstance-id: ${first}\nlocal-hostname: c1\nfrom: here\n`,
  );
  await drey`config set c1 user.own=other`;
  assertEquals(await id("c1"), first);
  await drey`config set c1 cloud-init.user-data=${"#cloud-config\n{}\n"}`;
  const second = await id("c1");
  await drey`copy c1 c2`;
  const copied = await id("c2");
  await drey`rename c2 c3`;
  assertEquals(new Set([first, second, copied, await id("c3")]).size, 4, "each is new to cloud-init");
});

await e2e("an instance is told no more than is meant for it", { needs }, async (drey) => {
  const [image] = JSON.parse(await drey`image list --format json`);
  await drey`launch tiny c1 -c user.secret=1`;
  const status = async (...args: [string, object?]) => (await ask(drey, ...args)).status;
  assertEquals(await ask(drey, "/1.0", { user: "1000" }), {
    status: 401,
    type: "text/plain",
    body: "Only root of the instance may ask here\n",
  });
  assertEquals(await status("/1.0/config/limits.memory"), 403);
  assertEquals(await status("/1.0/config/volatile.base_image"), 403);
  assertEquals(await status("/1.0/config/user.none"), 404);
  assertEquals(await status("/1.0/config/user.%ff"), 400);
  assertEquals(await status("/1.0/instances"), 404);
  assertEquals(await status("/1.0", { method: "DELETE" }), 501);
  assertEquals(await status("/1.0/ubuntu-pro/token", { method: "POST" }), 403);
  assertEquals(await status("/1.0", { method: "PATCH", body: "nonsense" }), 400);
  assertEquals(await status("/1.0/events?type=lifecycle"), 400);
  // images: only if it may, and then only those for everybody
  const address = `/1.0/images/${image.fingerprint}/export`;
  const refused = await ask(drey, address);
  assertEquals([refused.status, refused.type], [403, "application/json"]);
  await drey`config set c1 security.devlxd.images true`;
  assertEquals(await status(address), 404);
  await drey.run(["image", "edit", image.fingerprint], { stdin: JSON.stringify({ ...image, public: true }) });
  assertEquals(await status(address.replace(image.fingerprint, image.fingerprint.slice(0, 12))), 404);
  assertEquals(await status(address), 200);
});

await e2e("an instance without security.devlxd has no /dev/lxd", { needs }, async (drey) => {
  await drey`launch tiny c1 -c security.devlxd=false`;
  assertEquals((await drey.tries`exec c1 -- ls /dev/lxd`).code, 2);
  await drey`config set c1 security.devlxd true`;
  await drey`restart -f c1`;
  assertEquals((await ask(drey, "/1.0")).status, 200);
});

await e2e("an instance calls itself ready, until it stops", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  assertEquals((await ask(drey, "/1.0", { method: "PATCH", body: `{"state":"Ready"}` })).status, 200);
  assertEquals(JSON.parse((await ask(drey, "/1.0")).body).state, "Ready");
  const state = async () => JSON.parse(await drey`query /1.0/instances/c1/state`);
  const { status, status_code } = await state();
  assertEquals([status, status_code], ["Ready", 113]);
  assertEquals(JSON.parse(await drey`query /1.0/instances/c1`).status, "Ready");
  await drey`restart -f c1`;
  assertEquals((await state()).status, "Running");
  assertEquals(JSON.parse((await ask(drey, "/1.0")).body).state, "Started");
});

await e2e("changes of keys and devices are told to an instance that listens", { needs }, async (drey) => {
  await drey`profile set default user.shared=old`;
  await drey`launch tiny c1 -c user.key=one`;
  const argv = ["exec", "c1", "--env", "LC_ALL=C", "--", "perl", "-e", snippets.askGuest, "GET"];
  for (const protocol of ["", "websocket"]) {
    const child = drey.spawn([...argv, "/1.0/events", "", protocol], { stdout: "piped", stderr: "null" });
    const said = textReader(child.stdout);
    // the answer to the request, and what says that it is heard
    assertMatch(await said(/\r\n\r\n/), protocol === "" ? /^HTTP\/1\.1 200 / : /^HTTP\/1\.1 101 /);
    if (protocol === "") await said(/^1\r\n\n/);
    const next = async () => {
      const { type, metadata, timestamp } = JSON.parse((await said(/\{.*\}/)).match(/\{.*\}/)?.[0] ?? "");
      assert(Math.abs(Date.parse(timestamp) - Date.now()) < 60_000);
      return [type, metadata];
    };
    await drey`config set c1 user.key two`;
    assertEquals(await next(), ["config", { key: "user.key", old_value: "one", value: "two" }]);
    await drey`config set c1 limits.cpu.allowance 50%`.catch(() => {}); // none of its business, if it can be had
    await drey`profile set default user.shared=new`;
    assertEquals(await next(), ["config", { key: "user.shared", old_value: "old", value: "new" }]);
    await drey`config unset c1 user.key`;
    assertEquals(await next(), ["config", { key: "user.key", old_value: "two", value: "" }]);
    child.kill("SIGKILL");
    await child.status;
    await drey`profile set default user.shared=old`;
    await drey`config set c1 user.key one`;
  }
});

/** Reads on until the pattern is there; what follows it is for the next time. */
function textReader(stream: ReadableStream<Uint8Array>): (pattern: RegExp) => Promise<string> {
  const reader = stream.pipeThrough(new TextDecoderStream("latin1") as never).getReader();
  let held = "";
  return async (pattern) => {
    const timer = setTimeout(() => void reader.cancel(), 120_000);
    for (;;) {
      const found = pattern.exec(held);
      if (found !== null) {
        const end = found.index + found[0].length;
        const text = held.slice(0, end);
        held = held.slice(end);
        clearTimeout(timer);
        return text;
      }
      const { done, value } = await reader.read();
      if (done) throw new Error(`ended before ${pattern}: ${held}`);
      held += value;
    }
  };
}

/** Host pids of the processes that answer an instance; argv of a process is its own to choose, these are drey's. */
function answering(drey: Drey): number[] {
  return [...Deno.readDirSync("/proc")].filter(({ name }) => /^\d+$/.test(name)).map(({ name }) =>
    Number(name)
  )
    .filter((pid) => {
      const words = readOf(pid, "cmdline").split("\0");
      return words.includes("guest") && words.includes("c1") &&
        readOf(pid, "environ").split("\0").includes(`DREY_DIR=${drey.directory}`);
    });
}

function readOf(pid: number, file: string): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/${file}`);
  } catch {
    return ""; // it has ended, or belongs to somebody else
  }
}

/** One of the two may end as the other one does. */
function killIfThere(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

await e2e("nobody waits for the questions of an instance, and none is missed", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  assertEquals(answering(drey), []);
  // many at once are answered by one
  const loop =
    `for i in $(seq 20); do perl -e "$0" GET /1.0 >/tmp/$i & done; wait; cat /tmp/[0-9]* | grep -c "200 OK"`;
  const inside = ["exec", "c1", "--env", "LC_ALL=C", "--", "sh", "-c", loop, snippets.askGuest];
  assertEquals((await drey.run(inside, { timeout: 120_000 })).stdout, "20\n");
  // somebody who listens keeps it from ending before it was looked at
  const listener = [
    "exec",
    "c1",
    "--env",
    "LC_ALL=C",
    "--",
    "perl",
    "-e",
    snippets.askGuest,
    "GET",
    "/1.0/events",
  ];
  const child = drey.spawn(listener, { stdout: "piped", stderr: "null" });
  await textReader(child.stdout)(/\r\n\r\n/);
  const answerers = answering(drey);
  assertEquals(answerers.length, 2, "drey and the one that has started it");
  // one that is killed is replaced
  for (const pid of answerers) killIfThere(pid);
  await child.status;
  await eventually("they have ended", () => answering(drey).length === 0, 20);
  assertEquals((await ask(drey, "/1.0")).status, 200);
  // and it ends by itself, ready to be started again
  await eventually("it ends by itself", () => answering(drey).length === 0);
  assertEquals((await ask(drey, "/1.0")).status, 200);
  // with the instance at the latest
  await initOf(drey, "c1");
  await drey`stop -f c1`;
  await eventually("it ends with the instance", () => answering(drey).length === 0);
});

await e2e("a reboot from inside leaves the instance with its socket", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  assertEquals((await ask(drey, "/1.0")).status, 200);
  const before = await initOf(drey, "c1");
  await drey.tries`exec c1 -- perl -e ${snippets.reboot}`;
  await eventually("it has another init", async () => {
    const { pid } = JSON.parse(await drey`query /1.0/instances/c1/state`);
    return pid > 0 && pid !== before;
  });
  assertEquals((await ask(drey, "/1.0")).status, 200);
});
