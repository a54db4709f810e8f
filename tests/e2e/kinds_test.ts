// One suite for both kinds of instances: what a container does with these commands a virtual machine does as well, by
// drey and by LXD's own client.

import { assertEquals, assertMatch, assertStringIncludes } from "@std/testing";
import { join } from "@std/path";
import { type Drey, e2e } from "../support/drey.ts";
import { eventually } from "../support/eventually.ts";
import { lendKernel } from "../support/machines.ts";
import { serve } from "../support/server.ts";

/** An instance `i1` of some kind, and the client that works on it. */
interface Subject {
  type: "container" | "virtual-machine";
  /** words that `launch` and `init` take for it */
  flags: readonly string[];
  /** how the client calls the image, which is a machine's by another name for LXD's */
  image: (alias: string) => string;
  run: (words: readonly string[]) => Promise<{ code: number; stdout: string; stderr: string }>;
  /** directory of files on this side */
  directory: string;
}

interface Listed {
  name: string;
  type: string;
  status: string;
  description: string;
  config: Record<string, string>;
  snapshots: { name: string }[] | null;
  state: { processes: number; memory: { usage: number } };
}

type Say = (...words: string[]) => Promise<string>;

/** Runs a command that must succeed. */
const sayer = ({ run }: Subject): Say => async (...words) => {
  const { code, stdout, stderr } = await run(words);
  if (code !== 0) throw new Error(`${words.join(" ")} ended with ${code}:\n${stderr}${stdout}`);
  return stdout;
};

async function listed(say: Say, name = "i1"): Promise<Listed | undefined> {
  const all: Listed[] = JSON.parse(await say("list", "--format", "json"));
  return all.find((instance) => instance.name === name);
}

const shell = (name: string, script: string) => ["exec", name, "--", "sh", "-c", script];

async function runsCommands({ run }: Subject, say: Say): Promise<void> {
  const failed = await run(shell("i1", "echo out; echo err >&2; exit 7"));
  assertEquals([failed.code, failed.stdout, failed.stderr], [7, "out\n", "err\n"]);
  const as = ["--env", "FOO=bar", "--user", "1000", "--group", "1000", "--cwd", "/etc"];
  const told = await say("exec", "i1", ...as, "--", "sh", "-c", 'echo "$FOO $(id -u):$(id -g) $PWD"');
  assertEquals(told, "bar 1000:1000 /etc\n");
  assertEquals((await run(["exec", "i1", "--", "nowhere"])).code, 127);
  assertEquals(await say("exec", "i1", "--", "hostname"), "i1\n");
}

async function movesFiles({ directory, run }: Subject, say: Say): Promise<void> {
  const [tree, back] = [join(directory, "tree"), join(directory, "back")];
  await Deno.mkdir(join(tree, "below"), { recursive: true });
  await Deno.mkdir(back);
  await Deno.writeTextFile(join(tree, "below", "file"), "content\n");
  await Deno.symlink("below/file", join(tree, "link"));
  const owned = ["--uid", "1000", "--gid", "1001", "--mode", "0640"];
  await say("file", "push", ...owned, join(tree, "below", "file"), "i1/root/pushed");
  assertEquals(
    await say(...shell("i1", "stat -c %u:%g:%a /root/pushed; cat /root/pushed")),
    "1000:1001:640\ncontent\n",
  );
  await say("file", "push", "--recursive", tree, "i1/root/");
  assertEquals(await say(...shell("i1", "cat /root/tree/link")), "content\n");
  await say(...shell("i1", "echo changed >/root/tree/below/file"));
  await say("file", "pull", "--recursive", "i1/root/tree", back);
  assertEquals(await Deno.readTextFile(join(back, "tree", "below", "file")), "changed\n");
  await say("file", "delete", "i1/root/pushed");
  assertEquals((await run(["file", "pull", "i1/root/pushed", "-"])).code, 1);
}

async function isDescribed({ type }: Subject, say: Say): Promise<void> {
  await eventually("a list tells of its processes and memory", async () => {
    const { state } = await listed(say) ?? {};
    return (state?.processes ?? 0) > 0 && (state?.memory.usage ?? 0) > 0;
  });
  const instance = await listed(say);
  assertEquals([instance?.type, instance?.status], [type, "Running"]);
  const info = await say("info", "i1");
  assertMatch(info, new RegExp(`Type: ${type}`));
  assertMatch(info, /Status: RUNNING/i);
}

/** What is changed while it runs: keys, the description, a directory of the host's that comes and goes. */
async function isChanged({ directory, run }: Subject, say: Say): Promise<void> {
  await say("config", "set", "i1", "environment.COLOR=green");
  await say("config", "set", "i1", "user.note", "mine");
  assertEquals(await say("config", "get", "i1", "user.note"), "mine\n");
  assertEquals(await say(...shell("i1", 'echo "$COLOR"')), "green\n");
  await say("config", "unset", "i1", "environment.COLOR");
  assertEquals(await say(...shell("i1", 'echo "$COLOR"')), "\n");
  assertEquals((await run(["config", "set", "i1", "limits.cpu=none"])).code, 1);
  const shared = join(directory, "shared");
  await Deno.mkdir(shared);
  await Deno.writeTextFile(join(shared, "file"), "of the host\n");
  const device = ["disk", `source=${shared}`, "path=/mnt/shared", "readonly=true"];
  await say("config", "device", "add", "i1", "shared", ...device);
  assertEquals(await say("exec", "i1", "--", "cat", "/mnt/shared/file"), "of the host\n");
  assertStringIncludes((await run(["exec", "i1", "--", "touch", "/mnt/shared/new"])).stderr, "Read-only");
  await say("config", "device", "remove", "i1", "shared");
  // a machine's guest may remember a name for a second
  const isGone = async () => (await run(["exec", "i1", "--", "cat", "/mnt/shared/file"])).code === 1;
  await eventually("what is unplugged is gone", isGone);
}

async function goesBack(_: Subject, say: Say): Promise<void> {
  await say(...shell("i1", "echo first >/root/state"));
  await say("snapshot", "i1", "one");
  await say(...shell("i1", "echo second >/root/state"));
  await say("pause", "i1");
  assertEquals((await listed(say))?.status, "Frozen");
  await say("start", "i1");
  await say("restore", "i1", "one");
  assertEquals(await say("exec", "i1", "--", "cat", "/root/state"), "first\n");
  await say("restart", "--force", "i1");
  assertEquals(await say("exec", "i1", "--", "cat", "/root/state"), "first\n");
}

/** Copies of a snapshot and of all of it, under names of their own; what is stopped has its files as well. */
async function isCopied({ type }: Subject, say: Say): Promise<void> {
  await say("copy", "i1/one", "c1");
  assertEquals(await say("file", "pull", "c1/root/state", "-"), "first\n");
  await say("delete", "c1");
  await say("stop", "--force", "i1");
  await say("copy", "i1", "c1");
  await say("rename", "c1", "c2");
  const { type: copied, snapshots, status } = await listed(say, "c2") ?? {};
  assertEquals([copied, status, snapshots?.map(({ name }) => name)], [type, "Stopped", ["one"]]);
  await say("start", "c2");
  assertEquals(await say(...shell("c2", "hostname; cat /root/state")), "c2\nfirst\n");
  await say("delete", "--force", "c2");
}

async function isBroughtBack({ directory, type, flags, image }: Subject, say: Say): Promise<void> {
  const file = join(directory, "i1.tar");
  await say("export", "i1", file, "--compression", "none");
  await say("publish", "i1", "--alias", "made", "--compression", "none");
  await say("delete", "i1");
  await say("import", file, "e1");
  const { type: imported, config, snapshots } = await listed(say, "e1") ?? {};
  assertEquals([imported, config?.["user.note"], snapshots?.length], [type, "mine", 1]);
  await say("launch", image("made"), "p1", ...flags);
  assertEquals(await say("exec", "p1", "--", "cat", "/root/state"), "first\n");
  assertEquals((await listed(say, "p1"))?.type, type);
  await say("delete", "--force", "p1");
  await say("delete", "e1");
  assertEquals(JSON.parse(await say("list", "--format", "json")), []);
}

async function lives(subject: Subject): Promise<void> {
  const say = sayer(subject);
  await Deno.mkdir(subject.directory);
  await say("launch", subject.image("tiny"), "i1", ...subject.flags);
  for (const part of [runsCommands, movesFiles, isDescribed, isChanged, goesBack, isCopied, isBroughtBack]) {
    await part(subject, say);
  }
}

const container = (drey: Drey) => ({
  type: "container",
  flags: [],
  image: (alias: string) => alias,
  directory: join(drey.directory, "here"),
} as const);

const machine = (drey: Drey) => ({ ...container(drey), type: "virtual-machine", flags: ["--vm"] } as const);

const needs = ["userns", "subids", "overlay", "user"] as const;

await e2e("a container does what all instances do", { needs }, async (drey) => {
  await lives({ ...container(drey), run: drey.run });
});

await e2e("lxc has a container do what all instances do", { needs: [...needs, "lxc"] }, async (drey) => {
  await using server = await serve(drey);
  await lives({ ...container(drey), run: server.tries });
});

await e2e(
  "a virtual machine does what all instances do",
  { needs: [...needs, "machines"] },
  async (drey) => {
    await lendKernel(drey);
    await lives({ ...machine(drey), run: drey.run });
  },
);

await e2e(
  "lxc has a virtual machine do what all instances do",
  { needs: [...needs, "machines", "lxc"] },
  async (drey) => {
    await lendKernel(drey);
    await using server = await serve(drey);
    await lives({ ...machine(drey), image: (alias) => `${alias}/vm`, run: server.tries });
  },
);
