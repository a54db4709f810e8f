// The initial ram disk of a virtual machine with a shared root: the host's own Perl as interpreter, the modules for the
// machine's devices, and the first program.

import { DreyError } from "../../errors.ts";
import { run } from "../../sys/run.ts";
import { type CpioEntry, formatCpio } from "./cpio.ts";
import { agentHome } from "./agent.pl.ts";
import { firstProgram } from "./first.pl.ts";

/** What the machine's devices want; what is built into the kernel, or not there, is passed over. */
const wantedModules = [
  "virtio_pci",
  "virtio_mmio",
  "virtiofs",
  "virtio_console",
  "virtio_net",
  "virtio_blk",
  "virtio_scsi",
  "virtio_balloon",
  "virtio-rng",
];

/** What a root on a disk wants beside. */
const diskModules = ["ext4", "sd_mod", "nvme"];

/** And a machine that has vsock(7). */
const vsockModules = ["vmw_vsock_virtio_transport"];

/** What an initial ram disk follows from, beside the host's Perl, as text. */
export const ramDiskRecipe = (): string =>
  firstProgram({ modules: wantedModules, diskModules, vsockModules, interpreter: [] });

/**
 * @param modules directory of the kernel's modules
 * @param more names of further ones that it is to load
 */
export async function makeInitrd(
  modules: string,
  more: readonly string[] = [],
): Promise<Uint8Array<ArrayBuffer>> {
  const paths = await interpreterFiles();
  const first = await loadOrder(modules, [...wantedModules, ...more]);
  const names = new Set(first.map(({ name }) => name));
  const others = async (wanted: readonly string[]) =>
    (await loadOrder(modules, wanted)).filter(({ name }) => !names.has(name));
  const [forDisks, forVsock] = [await others(diskModules), await others(vsockModules)];
  const kernel = [...first, ...forDisks, ...forVsock];
  const pathOf = ({ name }: Module) => `${agentHome}/modules/${name}.ko`;
  const program = firstProgram({
    modules: first.map(pathOf),
    diskModules: forDisks.map(pathOf),
    vsockModules: forVsock.map(pathOf),
    interpreter: paths,
  });
  const entries: CpioEntry[] = [
    ...directoriesOf([...paths, `${agentHome}/modules/x`, "/dev/x", "/proc/x", "/sys/x"]),
    { path: "dev/console", type: "character", major: 5, minor: 1 },
    { path: "init", type: "file", content: new TextEncoder().encode(program), executable: true },
    ...kernel.map(({ name, content }): CpioEntry => ({
      path: `${agentHome.slice(1)}/modules/${name}.ko`,
      type: "file",
      content,
    })),
    ...await Promise.all(paths.map(async (path): Promise<CpioEntry> => ({
      path: path.slice(1),
      type: "file",
      content: await Deno.readFile(path),
      executable: true,
    }))),
  ];
  return formatCpio(entries);
}

function directoriesOf(paths: readonly string[]): CpioEntry[] {
  const found = new Set<string>();
  for (const path of paths) {
    const words = path.split("/").slice(1, -1);
    words.forEach((_, index) => found.add(words.slice(0, index + 1).join("/")));
  }
  return [...found].map((path) => ({ path, type: "directory" }));
}

const interpreter = "/usr/bin/perl";

/** Perl, the modules that the agent's programs use, and their libraries, by the paths they are found at. */
async function interpreterFiles(): Promise<string[]> {
  const asked =
    "use strict; use warnings; use Fcntl; print qq($_\\n) for values %INC, @DynaLoader::dl_shared_objects";
  const own = await run([interpreter, "-e", asked]);
  const parts = own.stdout.split("\n").filter((path) => path !== "");
  const linked = await run(["ldd", interpreter, ...parts.filter((path) => path.endsWith(".so"))]);
  const libraries = [...linked.stdout.matchAll(/(?:=> |^\s+)(\/\S+) \(/gm)].map((match) => match[1] ?? "");
  if (own.code !== 0 || libraries.length === 0) {
    throw new DreyError("COMMAND_FAILED", {
      message: "Cannot tell which files the host's Perl is made of",
    });
  }
  return [...new Set([interpreter, ...parts, ...libraries])];
}

interface Module {
  name: string;
  content: Uint8Array<ArrayBuffer>;
}

/** The wanted modules and those they need, in an order in which they can be loaded. */
async function loadOrder(directory: string, wanted: readonly string[]): Promise<Module[]> {
  const paths = await modulePaths(`${directory}/kernel`);
  const order: Module[] = [];
  const seen = new Set<string>();
  const add = async (name: string): Promise<void> => {
    const key = name.replaceAll("-", "_");
    const path = paths.get(key);
    if (path === undefined || seen.has(key)) return;
    seen.add(key);
    const content = await readModule(path);
    for (const needed of dependencies(content)) await add(needed);
    order.push({ name: key, content });
  };
  for (const name of wanted) await add(name);
  return order;
}

async function modulePaths(directory: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const entry of Deno.readDir(directory)) {
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory) { for (const [name, below] of await modulePaths(path)) found.set(name, below); }
    const name = /^(.*)\.ko(\.xz|\.zst|\.gz)?$/.exec(entry.name)?.[1];
    if (entry.isFile && name !== undefined) found.set(name.replaceAll("-", "_"), path);
  }
  return found;
}

const packers: Record<string, string> = { xz: "xz", zst: "zstd", gz: "gzip" };

async function readModule(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const packer = packers[path.split(".").at(-1) ?? ""];
  if (packer === undefined) return await Deno.readFile(path);
  const { code, stdout } = await new Deno.Command(packer, { args: ["-dc", path] }).output();
  if (code === 0) return new Uint8Array(stdout);
  throw new DreyError("COMMAND_FAILED", { message: `Cannot unpack the kernel module "${path}"` });
}

/** What a module says it needs, in its section .modinfo: strings that end with zeros. */
export function dependencies(module: Uint8Array): string[] {
  const text = new TextDecoder("latin1").decode(module);
  const [, names = ""] = /\0depends=([^\0]*)\0/.exec(text) ?? [];
  return names.split(",").filter((name) => name !== "");
}
