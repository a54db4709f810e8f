// Which ids containers get: one range for all, one of its own for each isolated one, a single one where there is none.

import { assert, assertEquals, assertMatch } from "@std/testing";
import { inAlteredHost } from "../support/altered_host.ts";
import { type Drey, e2e, imageFiles } from "../support/drey.ts";
import { initOf } from "../support/inside.ts";

const needs = ["userns", "subids"] as const;

interface Range {
  start: number;
  end: number;
}

/** Host ids of a running container, as the kernel has them. */
async function idsOf(drey: Drey, name: string): Promise<Range[]> {
  const text = Deno.readTextFileSync(`/proc/${await initOf(drey, name)}/uid_map`);
  return text.trim().split("\n").map((line) => {
    const [, start = 0, count = 0] = line.trim().split(/\s+/).map(Number);
    return { start, end: start + count };
  });
}

const overlap = (some: Range[], others: Range[]) =>
  some.some((a) => others.some((b) => a.start < b.end && b.start < a.end));

await e2e("isolated instances share no id with any other", { needs: [...needs, "root"] }, async (drey) => {
  const isolated = "security.idmap.isolated=true";
  await drey`launch tiny plain`;
  await drey`launch tiny one -c ${isolated}`;
  await drey`launch tiny two -c ${isolated} -c security.idmap.size=100000`;
  const [plain, one, two] = await Promise.all(["plain", "one", "two"].map((name) => idsOf(drey, name)));
  assert(!overlap(one!, two!), JSON.stringify([one, two]));
  assertEquals(two!.reduce((sum, { start, end }) => sum + end - start, 0), 100_000);
  assert(plain!.length > 0);
  await drey`exec one -- touch /root/kept`;
  await drey`restart -f one`;
  assertEquals(await idsOf(drey, "one"), one, "its files belong to these ids, so it keeps them");
  assertEquals(await drey`exec one -- stat -c ${"%u %g"} /root/kept /usr/bin/cat`, "0 0\n0 0\n");
  const based = await drey.tries`launch tiny three -c ${isolated} -c security.idmap.base=${one![0]!.start}`;
  assertEquals(based.code, 1, "those ids are taken");
  assertMatch(based.stderr, /^Error: Cannot isolate/);
});

await e2e("where the user's range is too narrow to isolate, that is said", {
  needs: [...needs, "user"],
}, async (drey) => {
  const { code, stderr } = await drey
    .tries`launch tiny c1 -c security.idmap.isolated=true -c security.idmap.size=4000000000`;
  assertEquals(code, 1);
  assertMatch(
    stderr,
    /^Error: Cannot isolate the instance: no 4000000000 subordinate ids are free\. .*usermod/,
  );
  await drey`launch tiny c2`;
});

const hide = `
: >"$DREY_DIR/none"
mount --bind "$DREY_DIR/none" /etc/subuid
mount --bind "$DREY_DIR/none" /etc/subgid`;

// all in one go: a second session could not enter what the first one has made
const life = `
drey() { ${"$DREY"} "$@"; }
drey image import "$1" --alias tiny >/dev/null
drey launch tiny c1
drey exec c1 -- sh -c 'id -u; cat /proc/self/uid_map; touch /tmp/made; hostname'
! drey exec c1 --user 1000 -- echo became 1000
drey stop c1
drey export c1 "$DREY_DIR/c1.tar" --compression=none >/dev/null
drey delete c1
drey import "$DREY_DIR/c1.tar"
drey start c1
drey exec c1 -- ls /tmp/made
drey stop c1
drey delete c1
drey image delete tiny`;

await e2e("without subordinate ids there is one user inside, and drey says what that costs", {
  needs: ["userns", "user"],
  images: [],
}, async (drey) => {
  const [image = ""] = await imageFiles("tiny");
  const words = inAlteredHost(hide, [], ["sh", "-euc", life, "sh", image]);
  const { code, stdout, stderr } = await new Deno.Command(words[0]!, {
    args: words.slice(1),
    env: { ...drey.environment, DREY: drey.commandLine([]).join(" ") },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  const [said, complained] = [decoder.decode(stdout), decoder.decode(stderr)];
  assertEquals(code, 0, said + complained);
  assertMatch(said, /^0\n +0 +0 +1\nc1$/m);
  assertMatch(said, /^\/tmp\/made$/m, "a backup of it is unpacked");
  assert(!said.includes("became"), said);
  assertMatch(complained, /Cannot run a command as user 1000/);
  assertMatch(complained, /no subordinate ids belong to .*usermod --add-subuids/);
});
