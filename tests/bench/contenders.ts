// Who is compared: drey, the floor, rootless Podman and LXD, the last two where they are installed.

import { join } from "@std/path";
import { runChecked } from "../../sys/run.ts";
import { missingTools } from "../../domain/host_packages.ts";
import { type Contender, type Material, stoppedSteps } from "./contender.ts";

/** Opens a contender, or says why it cannot take part. */
export type Opener = (material: Material) => Promise<Contender | { absent: string }>;

export const contenders: Record<string, Opener> = {
  drey,
  floor,
  podman,
  lxd: (material) => lxd(material),
  "lxd-btrfs": (material) => lxd(material, "btrfs"),
};

/** argv before a program that runs as root of the user's ids, whose files instances are made of. */
const own = Deno.uid() === 0 ? [] : ["unshare", "-U", "--map-root-user", "--map-auto"];

/**
 * Ends when the system has booted and come to rest: a question that comes before systemd listens is not answered, and
 * a unit that failed is no reason to wait longer.
 */
const untilBooted = `for try in $(seq 100); do
  case $(systemctl is-system-running --wait 2>/dev/null) in running|degraded) sleep 1; exit 0;; esac
  sleep 0.1
done
exit 1`;

/** Removes a directory with everything that contenders left in it, however they ended. */
export async function clear(directory: string): Promise<void> {
  await runChecked([...own, "rm", "-rf", "--", directory]);
}

/** `DREY_BENCH_PROGRAM` names the bundle. */
function dreyProgram(): string {
  const program = Deno.env.get("DREY_BENCH_PROGRAM");
  if (!program) throw new Error("DREY_BENCH_PROGRAM is not set");
  return program;
}

async function drey({ metadata, rootfs, directory }: Material): Promise<Contender> {
  const program = dreyProgram();
  const env = { DREY_DIR: join(directory, "drey"), DREY_CONF: join(directory, "config") };
  const call = (...args: string[]) =>
    runChecked([program, ...args], { env: { ...Deno.env.toObject(), ...env } });
  await call("image", "import", metadata, rootfs, "--alias", "bench");
  // nobody here has a network: what a card costs is measured by network.sh
  await call("profile", "device", "remove", "default", "eth0");
  return {
    name: "drey",
    env,
    argv: (step, instance) => {
      const words = {
        launch: ["launch", "bench", instance],
        exec: ["exec", instance, "--", "true"],
        stop: ["stop", "--force", instance],
        start: ["start", instance],
        delete: ["delete", instance],
      };
      return [program, ...words[step]];
    },
    settle: async (instance) => void await call("exec", instance, "--", "sh", "-c", untilBooted),
    stopped: (instance) => stoppedSteps([program], instance),
    extra: { "--help": [program, "--help"] },
    async [Symbol.asyncDispose]() {
      const left: { name: string }[] = JSON.parse(await call("list", "--format", "json"));
      if (left.length > 0) await call("delete", "--force", ...left.map(({ name }) => name));
    },
  };
}

async function floor({ rootfs, directory }: Material): Promise<Contender> {
  const script = join(import.meta.dirname!, "floor.sh");
  const place = join(directory, "floor");
  const lower = join(place, "lower");
  await Deno.mkdir(lower, { recursive: true });
  await runChecked([
    ...own,
    "tar",
    "-x",
    "-f",
    rootfs,
    "-C",
    lower,
    "-p",
    "--numeric-owner",
    "--exclude=./dev/*",
  ]);
  return {
    name: "floor",
    argv: (step, instance) => ["sh", script, step, join(place, instance), lower],
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function podman({ rootfs, directory }: Material): Promise<Contender | { absent: string }> {
  if (missingTools(["podman"]).length > 0) return { absent: "Podman is not installed" };
  const place = join(directory, "podman");
  await Deno.mkdir(join(place, "run"), { recursive: true, mode: 0o700 });
  const env = {
    XDG_RUNTIME_DIR: join(place, "run"),
    XDG_DATA_HOME: place,
    XDG_CONFIG_HOME: join(place, "config"),
  };
  const base = ["podman", "--root", join(place, "root"), "--runroot", join(place, "runroot")];
  const podman = [...base, "--cgroup-manager=cgroupfs", "--storage-driver=overlay"];
  const call = (...args: string[]) =>
    runChecked([...podman, ...args], { env: { ...Deno.env.toObject(), ...env } });
  await runChecked(["sh", "-c", 'zstd -qdc "$0" >"$1"', rootfs, join(place, "rootfs.tar")]);
  try {
    await call("import", join(place, "rootfs.tar"), "bench");
    await call("run", "--rm", "--network=none", "--cgroups=disabled", "bench", "true");
  } catch (error) {
    return { absent: `Podman cannot run here: ${(error as Error).message}` };
  }
  return {
    name: "podman",
    env,
    argv: (step, instance) => {
      // the fair match of a drey without a network, and kinder to Podman than booting the image's init
      const run = ["run", "--detach", "--name", instance, "--network=none", "--cgroups=disabled"];
      const words = {
        launch: [...run, "bench", "sleep", "infinity"],
        exec: ["exec", instance, "true"],
        stop: ["stop", "--time=0", instance],
        start: ["start", instance],
        delete: ["rm", instance],
      };
      return [...podman, ...words[step]];
    },
    async [Symbol.asyncDispose]() {
      await call("rm", "--all", "--force", "--time=0");
      await call("system", "migrate"); // ends the process that holds Podman's user namespace
    },
  };
}

/** LXD on its default pool, or on the first one with this driver. */
async function lxd({ metadata, rootfs }: Material, driver?: string): Promise<Contender | { absent: string }> {
  if (missingTools(["lxc"]).length > 0) return { absent: "LXD is not installed" };
  let pools: { name: string; driver: string }[];
  try {
    pools = JSON.parse(await runChecked(["lxc", "storage", "list", "--format", "json"]));
  } catch (error) {
    return { absent: `LXD does not answer: ${(error as Error).message}` };
  }
  const pool = driver === undefined ? undefined : pools.find((one) => one.driver === driver)?.name;
  if (driver !== undefined && pool === undefined) return { absent: `LXD has no pool of driver ${driver}` };
  const alias = `drey-bench-${driver ?? "default"}`;
  await runChecked(["lxc", "image", "import", metadata, rootfs, "--alias", alias]);
  return {
    name: driver === undefined ? "lxd" : `lxd-${driver}`,
    argv: (step, instance) => {
      const words = {
        launch: ["launch", alias, instance, ...(pool === undefined ? [] : ["--storage", pool])],
        exec: ["exec", instance, "--", "true"],
        stop: ["stop", "--force", instance],
        start: ["start", instance],
        delete: ["delete", instance],
      };
      return ["lxc", ...words[step]];
    },
    stopped: (instance) => stoppedSteps(["lxc"], instance),
    settle: async (instance) => {
      await runChecked(["lxc", "exec", instance, "--", "sh", "-c", untilBooted]);
    },
    [Symbol.asyncDispose]: async () => void await runChecked(["lxc", "image", "delete", alias]),
  };
}
