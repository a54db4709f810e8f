// The unprivileged user that root's run of the tests makes for itself, with a copy of the tree that it can read.

import { dirname, join } from "@std/path";
import { fullPath, runChecked } from "../../sys/run.ts";
import { findTool } from "../../sys/tools.ts";
import { openTun } from "./test_tun.ts";

export interface TestUser {
  name: string;
  uid: number;
  gid: number;
  home: string;
  /** the copied tree */
  tree: string;
  /** argv that runs a program as the user; root's environment but for what belongs to the user */
  command(argv: readonly string[]): string[];
  env: Record<string, string>;
}

const name = "drey-test";

/** Makes the user if there is none, gives it subordinate ids, and copies the tree and deno into its home. */
export async function prepareTestUser(root: string): Promise<TestUser> {
  if (await accountOf(name) === undefined) {
    await runChecked(["useradd", "--create-home", "--shell", "/bin/sh", name]);
  }
  const account = await accountOf(name);
  if (account === undefined) throw new Error(`useradd made no user ${name}`);
  const { home } = account;
  await giveSubIds();
  await Deno.chmod(home, 0o700);
  const tree = join(home, "drey");
  await copyTree(root, tree);
  const deno = await copyDeno(home);
  await runChecked(["chown", "-R", `${name}:`, tree, join(home, ".cache")]);
  const withTun = await openTun();
  return {
    ...account,
    name,
    tree,
    command: (
      argv,
    ) => [...withTun, "setpriv", `--reuid=${name}`, `--regid=${account.gid}`, "--init-groups", "--", ...argv],
    env: {
      HOME: home,
      USER: name,
      LOGNAME: name,
      PATH: `${dirname(deno)}:${Deno.env.get("PATH") ?? ""}`,
      DENO_DIR: join(home, ".cache", "deno"),
      DREY_TEST_DIR: join(home, "e2e"),
      XDG_RUNTIME_DIR: "",
      XDG_DATA_HOME: "",
      XDG_CONFIG_HOME: "",
      XDG_CACHE_HOME: "",
    },
  };
}

async function accountOf(user: string): Promise<{ uid: number; gid: number; home: string } | undefined> {
  const lines = (await Deno.readTextFile("/etc/passwd")).split("\n").map((line) => line.split(":"));
  const fields = lines.find(([first]) => first === user);
  if (fields === undefined) return undefined;
  return { uid: Number(fields[2]), gid: Number(fields[3]), home: fields[5] ?? "/" };
}

/** useradd(8) hands out ranges on Debian; where it is told not to, the first free ones are taken. */
async function giveSubIds(): Promise<void> {
  for (const [file, flag] of [["/etc/subuid", "--add-subuids"], ["/etc/subgid", "--add-subgids"]] as const) {
    const ranges = (await readText(file)).split("\n").map((line) => line.split(":"));
    if (ranges.some(([owner]) => owner === name)) continue;
    const ends = ranges.map(([, start, count]) => Number(start) + Number(count)).filter((end) => end > 0);
    const first = Math.max(100_000, ...ends);
    await runChecked(["usermod", flag, `${first}-${first + 65_535}`, name]);
  }
}

/** What git tracks or would track; without git, everything but what tools make. */
async function copyTree(from: string, to: string): Promise<void> {
  await Deno.remove(to, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  for (const file of await listFiles(from)) {
    await Deno.mkdir(dirname(join(to, file)), { recursive: true });
    await Deno.copyFile(join(from, file), join(to, file));
  }
}

async function listFiles(root: string): Promise<string[]> {
  // a machine that was handed the tree as an archive, or whose git is elsewhere, has none
  if (await exists(join(root, ".git")) && findTool("git", fullPath()) !== undefined) {
    const git = ["git", "-c", "safe.directory=*", "-C", root, "ls-files", "-z", "--cached", "--others"];
    const listed = await runChecked([...git, "--exclude-standard"]);
    const files = listed.split("\0").filter((file) => file !== "");
    // files that were removed but not yet committed are still listed
    const there = await Promise.all(files.map((file) => exists(join(root, file))));
    return files.filter((_, index) => there[index]);
  }
  const unwanted = ["node_modules", ".git", "dist"].flatMap((name) => ["-name", name, "-prune", "-o"]);
  const found = await runChecked(["find", ".", ...unwanted, "-type", "f", "-print0"], { cwd: root });
  return found.split("\0").filter((file) => file !== "");
}

/** The deno that runs us may lie in root's home, as npx puts it: the user gets a copy, and of its npm cache too. */
async function copyDeno(home: string): Promise<string> {
  const cache = join(home, ".cache", "deno");
  const deno = join(home, ".cache", "bin", "deno");
  await Deno.mkdir(dirname(deno), { recursive: true });
  await Deno.mkdir(cache, { recursive: true });
  await runChecked(["cp", "--update", "--preserve=timestamps", "--", Deno.execPath(), deno]);
  const own = join(
    Deno.env.get("DENO_DIR") || join(Deno.env.get("HOME") ?? "/root", ".cache", "deno"),
    "npm",
  );
  if (await exists(own)) await runChecked(["cp", "--recursive", "--update", "--", own, cache]);
  return deno;
}

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, (error) => {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  });
}

async function readText(path: string): Promise<string> {
  return await Deno.readTextFile(path).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  });
}
