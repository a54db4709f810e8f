// The root of a stopped instance or of a snapshot as a tar stream, and a tar stream as a root: what publishing, backups
// and copies to another pool or to other ids have in common. Owners in the stream are those inside the instance.

import type { ContainerPlan, RootSource } from "../../runtime/container_plan.ts";
import { DreyError } from "../../errors.ts";
import { type IdMap, parseMap } from "../../idmap/map.ts";
import { readLayout } from "../../idmap/ranges.ts";
import { treeSteps } from "../../runtime/namespaces.ts";
import { packArgv, startOnTree, type TreeProgram, unpackArgv } from "../../runtime/tree_stream.ts";
import type { Driver, Volume } from "../../storage/driver.ts";
import type { Context } from "../context.ts";
import { openParent } from "./parent.ts";

export interface RootTar {
  stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  /**
   * to be awaited after the last byte: whether it was all
   *
   * @throws {DreyError} `COMMAND_FAILED`
   */
  finish(): Promise<void>;
  /** ends it early */
  kill(): void;
}

/**
 * A volume that nobody writes to, as a tar stream with hard links, holes, attributes and ACLs. Whoever calls holds the
 * lock of its instance until `finish()` is done.
 *
 * @param options `name` is what the top is called in the stream, such as `rootfs`
 */
export async function packVolume(
  context: Context,
  driver: Driver,
  { volume, name }: { volume: Volume; name?: string | undefined },
): Promise<RootTar> {
  const root = driver.shown(volume);
  const map = mapOf(driver, volume);
  const program = await startOnRoot(context, { root, map, argv: (path) => packArgv(path, name) });
  await program.input.close();
  return { stream: program.output, finish: program.finish, kill: program.kill };
}

/** Fills the empty root of a volume from a tar stream, or from a directory of it. @throws {DreyError} `COMMAND_FAILED`, `NO_SPACE` */
export async function unpackVolume(
  context: Context,
  driver: Driver,
  { volume, stream, below }: {
    volume: Volume;
    stream: ReadableStream<Uint8Array<ArrayBuffer>>;
    below?: string;
  },
): Promise<void> {
  const argv = (path: string) => unpackArgv(path, below);
  await feed(await startOnVolume(context, driver, { volume, argv }), stream);
}

/** Has a program read a stream to its end. @throws {DreyError} `COMMAND_FAILED`, `NO_SPACE` */
export async function feed(
  program: TreeProgram,
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): Promise<void> {
  const drained = program.output.pipeTo(new WritableStream());
  try {
    await stream.pipeTo(program.input);
  } catch (error) {
    // a tar that gave up says why itself
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  } finally {
    await drained;
  }
  await program.finish();
}

/** The ids that files of a volume belong to. @throws {DreyError} `NOT_FOUND` */
export function mapOf(driver: Driver, volume: Volume): IdMap {
  const facts = driver.facts(volume);
  if (facts !== undefined) return parseMap(facts.map);
  throw new DreyError("NOT_FOUND", {
    message: `Cannot find the files of "${volume.name}" in the storage pool`,
  });
}

/** Starts a program on the root of a volume that nobody else is in; `argv` is told where the root is. */
export const startOnVolume = (
  context: Context,
  driver: Driver,
  { volume, argv }: { volume: Volume; argv: (root: string) => string[] },
): Promise<TreeProgram> =>
  startOnRoot(context, { root: driver.prepare(volume), map: mapOf(driver, volume), argv });

interface Wanted {
  root: RootSource;
  map: IdMap;
  /** told where the root is */
  argv: (root: string) => string[];
  /** what is mounted around the root, see {@link treeSteps} */
  top?: RootSource | undefined;
  /** what the program is called where it fails */
  program?: string;
}

/** Starts a program on a root that nobody else writes to. */
export async function startOnRoot(
  context: Context,
  { root, map, argv, top, program }: Wanted,
): Promise<TreeProgram> {
  await using way = new AsyncDisposableStack();
  const { parent } = way.use(await openParent(context, await readLayout(context.user)));
  const plan: ContainerPlan = {
    hostname: "",
    root,
    ids: { map, parent },
    cgroup: undefined,
    init: { argv: [], env: {} },
    deviceNodes: [],
    nesting: false,
  };
  const steps = treeSteps(plan, argv, top);
  return await startOnTree(steps, () => way.disposeAsync(), program);
}
