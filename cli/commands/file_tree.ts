// drey file push -r and pull -r where the server is a drey too: a tree goes as one stream, not a request for each file.

import { join } from "@std/path";
import type { Client } from "../../client/client.ts";
import { encodeEntry, endOfTree, gathered, type TreeEntry, TreeReader } from "../../client/tree_stream.ts";
import { DreyError } from "../../errors.ts";

/** A directory of an instance. */
export interface TreePlace {
  client: Client;
  name: string;
  path: string;
}

export interface GivenOwner {
  uid?: number;
  gid?: number;
  mode?: number;
}

/** Whether the server takes and sends whole trees. */
export async function isDrey(client: Client): Promise<boolean> {
  if (client.transport.kind === "in-process") return true;
  const server = await client.call("server.get");
  return "environment" in server && server.environment.server === "drey";
}

/** `bytes` up to which a file is read at once */
const small = 1 << 20;

/** Sends a directory of this side, into one that is made if need be. */
export async function pushStream(place: TreePlace, source: string, given: GivenOwner): Promise<void> {
  if (place.client.transport.kind === "in-process") {
    return await (await import("./file_pipe.ts")).pushByPipe(place, source, given);
  }
  const body = ReadableStream.from(gathered(treeOf(source, given)));
  await place.client.call("instance.tree.put", {
    params: { name: place.name },
    query: { path: place.path },
    upload: { body, headers: { "content-type": "application/octet-stream" } },
  });
}

async function* treeOf(source: string, given: GivenOwner): AsyncGenerator<Uint8Array> {
  const { mode: _, ...ids } = given;
  const describe = (info: Deno.FileInfo, name: string): Omit<TreeEntry, "type"> => ({
    mode: (info.mode ?? 0o644) & 0o7777,
    uid: info.uid ?? 0,
    gid: info.gid ?? 0,
    ...(info.isDirectory ? ids : given),
    size: 0,
    name,
    target: "",
  });
  yield encodeEntry({ ...describe(await Deno.stat(source), ""), type: "directory" });
  const pending = [""];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    for (const { name } of Deno.readDirSync(join(source, directory))) {
      const [path, below] = [join(source, directory, name), directory === "" ? name : `${directory}/${name}`];
      const info = Deno.lstatSync(path);
      const entry = describe(info, below);
      if (info.isDirectory) {
        yield encodeEntry({ ...entry, type: "directory" });
        pending.push(below);
      } else if (info.isSymlink) {
        yield encodeEntry({ ...entry, type: "symlink", target: Deno.readLinkSync(path) });
      } else if (info.isFile) yield* fileOf(path, { ...entry, type: "file", size: info.size });
      else {
        throw new DreyError("BAD_REQUEST", {
          message: `Cannot push "${path}": it is neither file nor directory`,
        });
      }
    }
  }
  yield endOfTree;
}

async function* fileOf(path: string, entry: TreeEntry): AsyncGenerator<Uint8Array> {
  if (entry.size <= small) {
    const content = Deno.readFileSync(path);
    yield encodeEntry({ ...entry, size: content.length });
    return yield content;
  }
  yield encodeEntry(entry);
  let left = entry.size;
  for await (const chunk of (await Deno.open(path)).readable) {
    const part = chunk.subarray(0, left);
    left -= part.length;
    yield part;
    if (left === 0) return;
  }
  throw new DreyError("CONFLICT", { message: `"${path}" became shorter while it was sent` });
}

/** Fetches a directory of an instance; what the other side names stays below the target, whatever it sends. */
export async function pullStream(place: TreePlace, target: string): Promise<void> {
  if (place.client.transport.kind === "in-process") {
    return await (await import("./file_pipe.ts")).pullByPipe(place, target);
  }
  const response = await place.client.raw("instance.tree.get", {
    params: { name: place.name },
    query: { path: place.path },
  });
  const reader = new TreeReader(response.body ?? new Blob().stream());
  // only directories that came in this stream are written into, so that no link of the instance's leads elsewhere
  const made = new Set<string>();
  const closed: [path: string, mode: number][] = [];
  for (let entry = await reader.next(); entry !== undefined; entry = await reader.next()) {
    const parent = entry.name.split("/").slice(0, -1).join("/");
    const isSane = entry.name === "" ? made.size === 0 && entry.type === "directory" : made.has(parent);
    if (!isSane || entry.name.split("/").some((word) => word === "." || word === "..")) {
      throw new DreyError("SERVER_FAILED", {
        message: `The server sent an impossible file name: "${entry.name}"`,
      });
    }
    await receive(reader, entry, join(target, entry.name));
    if (entry.type !== "directory") continue;
    made.add(entry.name);
    if ((entry.mode & 0o700) !== 0o700) closed.push([join(target, entry.name), entry.mode & 0o777]);
  }
  // what nobody may write into is closed when all of it is there
  for (const [path, mode] of closed.reverse()) Deno.chmodSync(path, mode);
}

async function receive(
  reader: TreeReader,
  { type, mode, size, target }: TreeEntry,
  path: string,
): Promise<void> {
  if (type === "symlink") return makeLink(path, target);
  if (type === "directory") return makeDirectory(path, mode);
  using file = openToWrite(path, mode);
  for await (const part of reader.content(size)) {
    for (let done = 0; done < part.length;) done += file.writeSync(part.subarray(done));
  }
}

/**
 * Opens a file of a tree that is fetched. A link in its place came from the instance, now or when the tree was fetched
 * before: it would choose what is written to.
 *
 * @throws {DreyError} `BAD_REQUEST` for a link
 */
export function openToWrite(path: string, mode: number): Deno.FsFile {
  if (lookAt(path)?.isSymlink === true) {
    throw new DreyError("BAD_REQUEST", {
      message: `Cannot write "${path}": it is a link, which may have come from the instance`,
      hint: "Remove it, or pull to another directory",
    });
  }
  return Deno.openSync(path, { write: true, create: true, truncate: true, mode: mode & 0o777 });
}

/** One that leads there already will do. */
function makeLink(path: string, target: string): void {
  if (lookAt(path)?.isSymlink === true && Deno.readLinkSync(path) === target) return;
  Deno.symlinkSync(target, path);
}

function lookAt(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return undefined;
  }
}

/** One that is there already must be no link. */
export function makeDirectory(path: string, mode: number): void {
  try {
    Deno.mkdirSync(path, { mode: mode & 0o777 | 0o700 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists) || !Deno.lstatSync(path).isDirectory) throw error;
  }
}
