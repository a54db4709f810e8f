// The kernel that virtual machines with a shared root boot: Debian's package for clouds, fetched once from where the
// host gets its own packages, by apt-get, which checks its signature.

import { join } from "@std/path";
import { DreyError } from "../../errors.ts";
import { partialName } from "../../sys/partial.ts";
import { exists, isDirectory, namesIn } from "../../sys/present.ts";
import { commandFailed, run } from "../../sys/run.ts";
import { deviceNodes } from "./first.pl.ts";

export interface Kernel {
  version: string;
  /** file that a machine boots */
  image: string;
  /** directory with its modules, `kernel/…` and lists of them */
  modules: string;
}

const packages = { x86_64: "linux-image-cloud-amd64", aarch64: "linux-image-cloud-arm64" };

/** The kernel in a directory that `fetchKernel` has filled; the newest, if there are several. */
export function findKernel(directory: string): Kernel | undefined {
  const version = namesIn(directory).filter((name) => !name.includes(".partial-")).toSorted(byVersion).at(-1);
  if (version === undefined) return undefined;
  const base = join(directory, version);
  return { version, image: join(base, "vmlinuz"), modules: join(base, "modules") };
}

const byVersion = (a: string, b: string) => a.localeCompare(b, "en", { numeric: true });

/**
 * Fetches the kernel into a directory of its own below `directory`.
 *
 * @throws {DreyError} `NETWORK`, `TOOL_MISSING`, `COMMAND_FAILED`
 */
export async function fetchKernel(directory: string, signal?: AbortSignal): Promise<Kernel> {
  const work = join(directory, partialName("kernel"));
  Deno.mkdirSync(work, { recursive: true, mode: 0o700 });
  try {
    const file = await download(work, signal);
    const unpacked = join(work, "unpacked");
    const code = await run(["dpkg-deb", "--extract", file, unpacked]);
    if (code.code !== 0) throw commandFailed("dpkg-deb", code);
    const image = namesIn(join(unpacked, "boot")).find((name) => name.startsWith("vmlinuz-"));
    if (image === undefined) throw new Error(`no kernel is in ${file}`);
    const version = image.slice("vmlinuz-".length);
    const lib = [join(unpacked, "lib"), join(unpacked, "usr/lib")].find((path) =>
      isDirectory(join(path, "modules", version))
    );
    if (lib === undefined) throw new Error(`no modules are in ${file}`);
    const made = join(work, version);
    Deno.mkdirSync(made);
    Deno.renameSync(join(unpacked, "boot", image), join(made, "vmlinuz"));
    Deno.renameSync(join(lib, "modules", version), join(made, "modules"));
    // lists for modprobe in the guest; without the program it cannot load by name
    await run(["depmod", "-b", await asTree(work, made, version), version]).catch(ignoreMissingTool);
    // systemd runs kmod on it, and has failed for good in a guest without; the first program makes the nodes
    const devices = join(made, "modules/modules.devname");
    if (exists(devices)) Deno.renameSync(devices, join(made, "modules", deviceNodes));
    const place = join(directory, version);
    if (!isDirectory(place)) Deno.renameSync(made, place);
    return { version, image: join(place, "vmlinuz"), modules: join(place, "modules") };
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** depmod(8) wants the modules below lib/modules/VERSION. */
async function asTree(work: string, made: string, version: string): Promise<string> {
  const root = join(work, "tree");
  await Deno.mkdir(join(root, "lib/modules"), { recursive: true });
  await Deno.symlink(join(made, "modules"), join(root, "lib/modules", version));
  return root;
}

function ignoreMissingTool(error: unknown): void {
  if (!(error instanceof DreyError) || error.code !== "TOOL_MISSING") throw error;
}

async function download(work: string, signal: AbortSignal | undefined): Promise<string> {
  const wanted = packages[Deno.build.arch as keyof typeof packages];
  const quiet = ["-qq", "-o", "APT::Sandbox::User="];
  // the host's own lists, if it has any; else lists of our own
  let options = quiet;
  let name = await concrete(wanted, options);
  if (name === undefined) {
    options = [...quiet, ...ownState(work)];
    const updated = await run(["apt-get", ...options, "update"], { ...(signal ? { signal } : {}) });
    name = await concrete(wanted, options);
    if (name === undefined) throw noPackage(wanted, updated.stderr);
  }
  const result = await run(["apt-get", ...options, "download", name], {
    cwd: work,
    ...(signal ? { signal } : {}),
  });
  const file = namesIn(work).find((entry) => entry.endsWith(".deb"));
  if (result.code !== 0 || file === undefined) throw noPackage(name, result.stderr);
  return join(work, file);
}

/** The package with the kernel itself, which the one with the steady name depends on. */
async function concrete(name: string, options: readonly string[]): Promise<string | undefined> {
  const result = await run(["apt-cache", ...options, "depends", name]);
  return /Depends: (linux-image-\S+)/.exec(result.stdout)?.[1];
}

function ownState(work: string): string[] {
  for (const path of ["lists/partial", "cache/archives/partial"]) {
    Deno.mkdirSync(join(work, "apt", path), { recursive: true });
  }
  return [
    "-o",
    `Dir::State::lists=${work}/apt/lists`,
    "-o",
    `Dir::Cache=${work}/apt/cache`,
    "-o",
    "Debug::NoLocking=1",
  ];
}

function noPackage(name: string, said: string): DreyError {
  const last = said.trim().split("\n").at(-1) ?? "";
  return new DreyError("NETWORK", {
    message: `Cannot fetch a kernel for virtual machines, package "${name}"${last === "" ? "" : `: ${last}`}`,
    hint: "Check the package sources of this host: apt-get update",
  });
}
