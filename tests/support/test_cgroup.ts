// A cgroup v2 tree delegated to the test user, as a systemd user session would have it.

import { eventually } from "./eventually.ts";
import { runChecked } from "../../sys/run.ts";

export interface TestCgroup extends AsyncDisposable {
  path: string;
  /** argv that joins the cgroup before it becomes the program; needs root */
  command(argv: readonly string[]): string[];
}

/** Delegates a cgroup to a user; `undefined`, with the reason told, where this host has none to delegate. */
export async function delegateCgroup(owner: string): Promise<TestCgroup | undefined> {
  const mount = await cgroupMount();
  if (mount === undefined) {
    console.log("No cgroup v2 is mounted: tests that need one are skipped");
    return undefined;
  }
  const path = `${mount}/drey-test-${Deno.pid}`;
  try {
    await enableControllers(mount);
    await Deno.mkdir(path);
    const files = ["cgroup.procs", "cgroup.threads", "cgroup.subtree_control"].map((file) =>
      `${path}/${file}`
    );
    await runChecked(["chown", owner, path, ...files]);
  } catch (error) {
    console.log(`Cannot delegate a cgroup, tests that need one are skipped: ${(error as Error).message}`);
    return undefined;
  }
  return {
    path,
    command: (argv) => ["sh", "-c", `echo $$ >"$0/cgroup.procs" && exec "$@"`, path, ...argv],
    [Symbol.asyncDispose]: () => removeTree(path),
  };
}

async function cgroupMount(): Promise<string | undefined> {
  const mountinfo = await Deno.readTextFile("/proc/self/mountinfo");
  return /^\d+ \d+ \S+ \S+ (\S+) rw.* - cgroup2 /m.exec(mountinfo)?.[1];
}

/** Hands the host's controllers down where nobody else has; some may be bound to a v1 hierarchy. */
async function enableControllers(mount: string): Promise<void> {
  const available = (await Deno.readTextFile(`${mount}/cgroup.controllers`)).split(/\s+/);
  for (const controller of ["cpu", "cpuset", "io", "memory", "pids"].filter((c) => available.includes(c))) {
    try {
      await Deno.writeTextFile(`${mount}/cgroup.subtree_control`, `+${controller}`, { create: false });
    } catch (error) {
      console.log(`The cgroup controller ${controller} cannot be delegated: ${(error as Error).message}`);
    }
  }
}

/** Ends what still runs in a tree and removes it. */
async function removeTree(path: string): Promise<void> {
  await Deno.writeTextFile(`${path}/cgroup.kill`, "1", { create: false });
  await eventually(`no process stays in ${path}`, async () => {
    await runChecked(["find", path, "-depth", "-type", "d", "-exec", "rmdir", "--", "{}", "+"]).catch(() => {
      // processes that were killed take a moment to be gone
    });
    return await Deno.lstat(path).then(() => false, () => true);
  });
}
