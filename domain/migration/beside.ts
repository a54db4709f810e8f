// What LXD has around the root of an instance, in the directory that it sends: metadata, templates, a description. While
// files are sent or received it stands in a volume of its own, which goes with the work.

import { join } from "@std/path";
import { DreyError } from "../../errors.ts";
import { formatMap, type IdMap, toHost } from "../../idmap/map.ts";
import type { Driver, Hands, RootSource } from "../../storage/driver.ts";
import type { Context } from "../context.ts";
import type { OpenPool } from "../storage_pools/open.ts";
import { withTemporaryVolume } from "../storage_pools/temporary.ts";
import { treeOf } from "../storage_volumes/content.ts";
import { inTemporaryPlace } from "../../sys/temporary_place.ts";

/** A file by its name, such as `templates/hostname.tpl`. */
export interface SmallFile {
  name: string;
  text: string;
}

/** What stands around a root. */
export interface Beside {
  /** to be mounted around it */
  top: RootSource;
  /** makes the files those that are to be sent */
  fill(files: readonly SmallFile[]): Promise<void>;
  /** what has come of metadata and templates. @throws {DreyError} `IMAGE_INVALID` for files that are none */
  read(): Promise<SmallFile[]>;
}

const parts = ["metadata.yaml", "templates", "backup.yaml"];

/** @param map whose root the files belong to */
export async function withBeside(
  context: Context,
  { pool, hands, map }: { pool: OpenPool; hands: Hands; map: IdMap },
  work: (beside: Beside) => Promise<void>,
): Promise<void> {
  const root = { uid: toHost(map.uids, 0) ?? 0, gid: toHost(map.gids, 0) ?? 0 };
  await withTemporaryVolume(context, { pool, kind: "custom" }, async (volume) => {
    const { driver } = pool;
    await driver.create(volume, { map: formatMap(map), owner: { ...root, mode: 0o755 } });
    const directory = treeOf(driver, volume);
    await work({
      top: driver.prepare(volume),
      async fill(files) {
        await hands.run(["rm", "-rf", "--", ...parts.map((part) => join(directory, part))]);
        await put(hands, directory, { files, root });
      },
      read: () => readParts(hands, directory),
    });
  });
}

/** By way of a directory of the user's own: what is in the volume belongs to others. */
async function put(
  hands: Hands,
  directory: string,
  { files, root }: { files: readonly SmallFile[]; root: { uid: number; gid: number } },
): Promise<void> {
  const stage = await inTemporaryPlace(() => Deno.makeTempDir());
  try {
    Deno.mkdirSync(join(stage, "templates"), { mode: 0o755 });
    for (const { name, text } of files) Deno.writeTextFileSync(join(stage, name), text, { mode: 0o644 });
    await hands.run(["cp", "-R", "--", ...parts.map((part) => join(stage, part)).filter(exists), directory]);
    const names = [...files.map(({ name }) => name), "templates"];
    for (const name of names) await hands.own(join(directory, name), root);
  } finally {
    await Deno.remove(stage, { recursive: true });
  }
}

/** What may come at most: `bytes` of a file, and files. */
const most = { bytes: 1 << 20, files: 64 };

async function readParts(hands: Hands, directory: string): Promise<SmallFile[]> {
  // nobody is in there any more who could put a link in a file's place
  await hands.run(["chmod", "0755", "--", directory]);
  const templates = join(directory, "templates");
  const names = exists("metadata.yaml", directory) ? ["metadata.yaml"] : [];
  if (exists(templates)) {
    if (!Deno.lstatSync(templates).isDirectory) throw strange("templates");
    await hands.run(["chmod", "0755", "--", templates]);
    for (const { name } of Deno.readDirSync(templates)) {
      if (names.push(`templates/${name}`) > most.files) throw tooMany();
    }
  }
  const files: SmallFile[] = [];
  for (const name of names) {
    const path = join(directory, name);
    const { isFile, size } = Deno.lstatSync(path);
    if (!isFile || size > most.bytes) throw strange(name);
    await hands.run(["chmod", "0644", "--", path]);
    files.push({ name, text: Deno.readTextFileSync(path) });
  }
  return files;
}

/** Makes such files those that lie beside the root of a volume. */
export function keepBeside(
  driver: Driver,
  volume: Parameters<Driver["home"]>[0],
  files: readonly SmallFile[],
): void {
  const home = driver.home(volume);
  for (const part of ["metadata.yaml", "templates"]) {
    if (exists(part, home)) Deno.removeSync(join(home, part), { recursive: true });
  }
  for (const { name, text } of files) {
    if (name.startsWith("templates/")) {
      Deno.mkdirSync(join(home, "templates"), { recursive: true, mode: 0o755 });
    }
    Deno.writeTextFileSync(join(home, name), text, { mode: 0o644 });
  }
}

function exists(path: string, directory?: string | number): boolean {
  try {
    Deno.lstatSync(typeof directory === "string" ? join(directory, path) : path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const strange = (name: string) =>
  new DreyError("IMAGE_INVALID", {
    message: `Cannot take what the other server sends: its "${name}" is no small file`,
  });

const tooMany = () =>
  new DreyError("IMAGE_INVALID", {
    message: `Cannot take what the other server sends: it has more than ${most.files} templates`,
  });
