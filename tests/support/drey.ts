// The end-to-end harness: a drey of its own for each test, driven as a person drives it, by whole processes. What a
// test leaves behind fails it.

import { assertEquals } from "@std/testing";
import { fromFileUrl, join } from "@std/path";
import { openMappedRoot } from "../../idmap/holder.ts";
import { readLayout } from "../../idmap/ranges.ts";
import { removeCgroup } from "../../runtime/cgroups.ts";
import { exists as existsSync } from "../../sys/present.ts";
import { runChecked, type RunResult } from "../../sys/run.ts";
import { explained, openTranscript, type Transcript } from "./evidence.ts";
import { cgroupHome, findLeftovers, nothingLeft } from "./leftovers.ts";
import { hostFacts, type Need, testDirectory, unmet } from "./needs.ts";
import { makeTinyImage } from "./tiny_image.ts";

type Word = string | number | readonly string[];

export interface CommandOptions {
  stdin?: string;
  env?: Record<string, string>;
  /** milliseconds after which the command is killed and the test fails */
  timeout?: number;
}

/** One drey with its own state; as a template tag it runs a command that must succeed and gives its output. */
export interface Drey {
  (template: TemplateStringsArray, ...words: Word[]): Promise<string>;
  /** `DREY_DIR` */
  readonly directory: string;
  /** runs a command that may fail */
  tries(template: TemplateStringsArray, ...words: Word[]): Promise<RunResult>;
  run(argv: readonly string[], options?: CommandOptions): Promise<RunResult>;
  /** the whole command line, for a test that starts it by another program */
  commandLine(argv: readonly string[]): string[];
  readonly environment: Readonly<Record<string, string>>;
  /** starts a command and leaves it running */
  spawn(argv: readonly string[], options?: Deno.CommandOptions): Deno.ChildProcess;
  /** what was run, told if the test fails */
  readonly transcript: Transcript;
}

export interface TestOptions {
  needs: readonly Need[];
  /** images that are there under these aliases when the test begins; `tiny` unless told otherwise */
  images?: readonly ("tiny" | "debian")[];
}

/** What starts drey: the sources, or what `DREY_TEST_PROGRAM` names, such as a bundle. */
function program(): string[] {
  const named = Deno.env.get("DREY_TEST_PROGRAM");
  if (named) return [named];
  return [Deno.execPath(), "run", "-A", "--quiet", fromFileUrl(new URL("../../cli.ts", import.meta.url))];
}

/** A file for a line about each command: where the time of tests goes. */
const timesFile = Deno.env.get("DREY_TEST_TIMES");
const timeOf = (argv: readonly string[], milliseconds: number) =>
  `${new Date().toISOString()} ${Math.round(milliseconds)} ms: ${
    JSON.stringify(argv.join(" ").slice(0, 200))
  }\n`;

/** Declares an end-to-end test; where the host lacks something, the test is skipped and its name says what. */
export async function e2e(
  name: string,
  options: TestOptions,
  test: (drey: Drey) => Promise<void>,
): Promise<void> {
  const reason = await unmet(options.needs);
  const as = Deno.uid() === 0 ? " (as root)" : "";
  Deno.test({
    name: `${name}${as}${reason === undefined ? "" : ` (skipped: ${reason})`}`,
    ignore: reason !== undefined,
    fn: async () => {
      const drey = await openDrey();
      try {
        for (const image of options.images ?? ["tiny"]) await importImage(drey, image);
        await test(drey);
      } catch (error) {
        const first = await explained(firstOf(error), drey.directory, drey.transcript);
        // what cannot be cleaned up after a failure is its consequence
        await closeDrey(drey).catch((later) => console.error(String(later)));
        throw first;
      }
      await closeDrey(drey);
    },
  });
}

/** What failed first: the end of a scope that fails as well would hide it. */
function firstOf(error: unknown): unknown {
  if (!(error instanceof SuppressedError)) return error;
  console.error(String(error.error));
  return firstOf(error.suppressed);
}

/** A fresh drey. */
export async function openDrey(): Promise<Drey> {
  await Deno.mkdir(testDirectory(), { recursive: true });
  return dreyAt(await Deno.makeTempDir({ dir: testDirectory(), prefix: "d" }));
}

/** The drey of a directory. */
export function dreyAt(directory: string): Drey {
  const transcript = openTranscript();
  const run: Drey["run"] = async (argv, options = {}) => {
    const start = performance.now();
    const result = await runCommand(directory, argv, options);
    const took = performance.now() - start;
    transcript.note(["drey", ...argv], result, took);
    if (timesFile) await Deno.writeTextFile(timesFile, timeOf(argv, took), { append: true });
    return result;
  };
  const tries = (template: TemplateStringsArray, ...words: Word[]) => run(split(template, words));
  const must = async (template: TemplateStringsArray, ...words: Word[]) => {
    const argv = split(template, words);
    const { code, stdout, stderr } = await run(argv);
    if (code !== 0) throw new Error(`drey ${argv.join(" ")} ended with ${code}:\n${stderr}${stdout}`);
    return stdout;
  };
  const spawn: Drey["spawn"] = (argv, options = {}) => {
    const [path = "", ...before] = program();
    return new Deno.Command(path, {
      stdin: "null",
      ...options,
      args: [...before, ...argv],
      env: { ...environment(directory), ...options.env },
    }).spawn();
  };
  const commandLine: Drey["commandLine"] = (argv) => [...program(), ...argv];
  return Object.assign(must, {
    directory,
    run,
    tries,
    spawn,
    commandLine,
    environment: environment(directory),
    transcript,
  });
}

function environment(directory: string): Record<string, string> {
  return {
    DREY_DIR: directory,
    DREY_CONF: join(directory, "config"),
    DREY_IMAGE_CACHE: "",
    NO_COLOR: "1",
    LC_ALL: "C.UTF-8",
  };
}

/** The words of a command line: blanks part those of the template, what is put in stays whole. */
function split(template: readonly string[], words: readonly Word[]): string[] {
  const mark = "\0";
  const values = words.map((word) => typeof word === "object" ? [...word] : [String(word)]);
  const texts = template.join(mark).split(/\s+/).filter((text) => text !== "");
  let next = 0;
  return texts.flatMap((text) => {
    if (text === mark) return values[next++] ?? [];
    return [text.replaceAll(mark, () => (values[next++] ?? []).join(" "))];
  });
}

async function runCommand(
  directory: string,
  argv: readonly string[],
  { stdin, env = {}, timeout = 300_000 }: CommandOptions,
): Promise<RunResult> {
  const [path = "", ...before] = program();
  const child = new Deno.Command(path, {
    args: [...before, ...argv],
    env: { ...environment(directory), ...env },
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill("SIGKILL");
  }, timeout);
  try {
    const fed = stdin === undefined ? undefined : feed(child.stdin, stdin);
    const { code, stdout, stderr } = await child.output();
    await fed;
    if (isLate) throw new Error(`drey ${argv.join(" ")} did not end within ${timeout} ms`);
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  } finally {
    clearTimeout(timer);
  }
}

async function feed(stdin: WritableStream<Uint8Array>, text: string): Promise<void> {
  try {
    await new Blob([text]).stream().pipeTo(stdin);
  } catch (error) {
    // the command may end without reading it all
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

async function importImage(drey: Drey, image: "tiny" | "debian"): Promise<void> {
  await drey`image import ${await imageFiles(image)} --alias ${image}`;
}

/** The files of a test image, metadata first; made once for all test files. */
export async function imageFiles(image: "tiny" | "debian"): Promise<string[]> {
  const directory = join(testDirectory(), "images", image);
  if (!await exists(directory)) {
    const building = `${directory}.${Deno.pid}`;
    await Deno.mkdir(building, { recursive: true });
    await (image === "tiny" ? makeTinyImage(building) : buildDebian(building));
    await Deno.rename(building, directory);
  }
  const isRootfs = (name: string) => Number(/\.(root|squashfs)/.test(name));
  const names = [...Deno.readDirSync(directory)].map(({ name }) => name);
  return names.toSorted((a, b) => isRootfs(a) - isRootfs(b)).map((name) => join(directory, name));
}

async function buildDebian(directory: string): Promise<void> {
  const drey = await openDrey();
  try {
    await drey`init debian:12 builder`;
    const [image] = JSON.parse(await drey`image list --format json`);
    await drey`image export ${image.fingerprint} ${join(directory, "debian")}`;
  } finally {
    await closeDrey(drey);
  }
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, (error) => {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  });
}

/** Deletes what the test made, and holds the rest of the world against what it was before. */
export async function closeDrey(drey: Drey): Promise<void> {
  try {
    await removeInstances(drey);
    if (Deno.uid() === 0) await removeNetworks(drey);
    assertEquals(await findLeftovers(drey.directory), nothingLeft);
  } catch (error) {
    throw await explained(error, drey.directory, drey.transcript);
  } finally {
    await removeState(drey.directory);
  }
}

async function removeInstances(drey: Drey): Promise<void> {
  const instances: { name: string }[] = JSON.parse(await drey`list --format json`);
  if (instances.length > 0) await drey`delete --force ${instances.map(({ name }) => name)}`;
}

/** Root's bridges stay on the host until they are deleted, and what a test has left in use cannot be. */
async function removeNetworks(drey: Drey): Promise<void> {
  if (!existsSync(join(drey.directory, "run", "network"))) return;
  const networks: { name: string; managed: boolean; used_by: string[] }[] = JSON.parse(
    await drey`network list --format json`,
  );
  for (const { name, managed, used_by } of networks) {
    if (!managed || name === "dreybr0") continue;
    for (const profile of used_by) await drey`query -X PUT -d ${'{"devices":{}}'} ${profile}`;
    await drey`network delete ${name}`;
  }
}

/**
 * Files of instances belong to subordinate ids: only root of their map can remove them. Pools that root has mounted
 * from files of their own end first, for a test that failed before it deleted them.
 */
async function removeState(directory: string): Promise<void> {
  const mounts = Deno.readTextFileSync("/proc/self/mountinfo").split("\n").map((line) =>
    line.split(" ")[4] ?? ""
  );
  for (const mount of mounts.filter((path) => path.startsWith(`${directory}/storage-pools/`))) {
    await runChecked(["umount", "--lazy", mount]);
  }
  const home = await cgroupHome(directory);
  if (home !== undefined) removeCgroup(home);
  const { user } = await hostFacts();
  const layout = await readLayout({ ...user, gid: Deno.gid() ?? 0 });
  const remove = ["rm", "-rf", "--", directory.split("/").at(-1)!];
  if (layout.parent === undefined) return void await runChecked(remove, { cwd: testDirectory() });
  await using root = await openMappedRoot(layout.parent);
  await runChecked(root.command(remove), { cwd: testDirectory() });
}

/** Kills a child after some `milliseconds` unless it has ended by then; resolves when it has. */
export async function killLater(
  child: Deno.ChildProcess,
  milliseconds: number,
): Promise<Deno.CommandStatus> {
  const timer = setTimeout(() => {
    try {
      child.kill("SIGKILL");
    } catch (error) {
      // it has ended in this very moment
      if (!(error instanceof TypeError)) throw error;
    }
  }, milliseconds);
  const status = await child.status;
  clearTimeout(timer);
  return status;
}
