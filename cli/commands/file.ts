// drey file push, pull, delete and edit: files of instances, by LXD's rules for where they go.

import { basename, dirname, join } from "@std/path";
import type { Client } from "../../client/client.ts";
import { DreyError } from "../../errors.ts";
import { boundedText } from "../../sys/bounded_text.ts";
import { resolveName } from "../resolve.ts";
import type { Shell } from "../shell.ts";

/** A path in an instance, as `web/etc/hosts` names it. */
export interface Place {
  client: Client;
  name: string;
  path: string;
}

/** Owner and mode of what is written; what is left out is the server's choice. */
interface Owner {
  uid?: number;
  gid?: number;
  mode?: number;
}

interface Found {
  type: string;
  mode: number;
  body: Response;
}

export async function push(shell: Shell): Promise<void> {
  const { typed } = shell;
  const sources = typed.args.slice(0, -1);
  const target = await placeOf(shell, typed.args.at(-1) ?? "");
  const given = ownerOf(shell);
  const isDirectory = sources.length > 1 || target.path.endsWith("/");
  if (typed.has("create-dirs")) {
    await makeDirectories(
      target,
      isDirectory || typed.has("recursive") ? target.path : dirname(target.path),
      given,
    );
  }
  for (const source of sources) {
    const info = source === "-" ? undefined : await statLocal(source);
    if (info?.isDirectory) {
      mustRecurse(shell, source);
      const place = inside(target, basename(await Deno.realPath(source)));
      const { isDrey, pushStream } = await import("./file_tree.ts");
      await (await isDrey(place.client) ? pushStream : pushTree)(place, source, given);
    } else {
      const place = isDirectory ? inside(target, nameOf(source)) : target;
      await pushFile(place, source, { ...modeAndOwner(info), ...given });
    }
  }
}

export async function pull(shell: Shell): Promise<void> {
  const { typed } = shell;
  const sources = typed.args.slice(0, -1);
  const target = typed.args.at(-1) ?? "";
  if (typed.has("create-dirs")) {
    await Deno.mkdir(target.endsWith("/") || sources.length > 1 ? target : dirname(target), {
      recursive: true,
    });
  }
  const isDirectory = target !== "-" && (await localInfo(target))?.isDirectory === true;
  if (!isDirectory && (sources.length > 1 || target.endsWith("/")) && target !== "-") {
    throw new DreyError("BAD_REQUEST", { message: `Cannot pull into "${target}": it is no directory` });
  }
  for (const source of sources) {
    const place = await placeOf(shell, source);
    const found = await read(place);
    if (found.type === "directory") mustRecurse(shell, source);
    const local = isDirectory ? join(target, basename(place.path)) : target;
    if (found.type === "directory" && local !== "-") await pullTree(place, found, local);
    else if (local !== "-") await pullInto(found, local);
    else for await (const chunk of found.body.body ?? []) shell.print(chunk);
  }
}

export async function remove(shell: Shell): Promise<void> {
  for (const word of shell.typed.args) {
    const { client, name, path } = await placeOf(shell, word);
    await client.call("instance.file.delete", { params: { name }, query: { path } });
  }
}

export async function edit(shell: Shell): Promise<void> {
  const place = await placeOf(shell, shell.typed.args[0] ?? "");
  if (!Deno.stdin.isTerminal()) return await write(place, { type: "file" }, {}, Deno.stdin.readable);
  const found = await read(place);
  if (found.type !== "file") throw new DreyError("BAD_REQUEST", { message: `"${place.path}" is no file` });
  const { editFile } = await import("../editor.ts");
  const before = new Uint8Array(await found.body.arrayBuffer());
  const after = await editFile(before, place.path.includes(".") ? `.${place.path.split(".").at(-1)}` : "");
  const isSame = after.length === before.length && after.every((byte, at) => byte === before[at]);
  if (!isSame) await write(place, { type: "file" }, {}, after);
}

/** @throws {DreyError} `BAD_REQUEST` for a word without a path */
async function placeOf(shell: Shell, word: string): Promise<Place> {
  const slash = word.indexOf("/");
  if (slash < 0) {
    throw new DreyError("BAD_REQUEST", {
      message: `Missing path in "${word}"`,
      hint: "Name the file as instance/path, such as web/etc/hosts",
    });
  }
  const before = word.slice(0, slash);
  // web:/etc/hosts, as scp writes it, is no path of a remote either: the whole word tells what to write
  const { remote, name } = resolveName(before.endsWith(":") ? word : before, "instance");
  return { client: await shell.connect(remote), name, path: word.slice(slash) };
}

const inside = (place: Place, name: string): Place => ({ ...place, path: join(place.path, name) });

function nameOf(source: string): string {
  if (source !== "-") return basename(source);
  throw new DreyError("BAD_REQUEST", {
    message: "Standard input has no name: give the whole path of the target",
  });
}

function mustRecurse(shell: Shell, path: string): void {
  if (shell.typed.has("recursive")) return;
  throw new DreyError("BAD_REQUEST", {
    message: `"${path}" is a directory`,
    hint: "Give --recursive to copy it",
  });
}

function ownerOf({ typed }: Shell): Owner {
  const text = typed.text("mode");
  const mode = text === undefined ? undefined : parseInt(text, 8);
  if (mode !== undefined && !/^[0-7]{3,4}$/.test(text ?? "")) {
    throw new DreyError("BAD_REQUEST", {
      message: `Invalid mode "${text}": expected octal digits, such as 0644`,
    });
  }
  const owner = { uid: typed.integer("uid"), gid: typed.integer("gid"), mode };
  return Object.fromEntries(Object.entries(owner).filter(([, value]) => value !== undefined && value >= 0));
}

const modeAndOwner = (info: Deno.FileInfo | undefined): Owner =>
  info === undefined ? {} : { uid: info.uid ?? 0, gid: info.gid ?? 0, mode: (info.mode ?? 0o644) & 0o7777 };

async function pushFile(place: Place, source: string, owner: Owner): Promise<void> {
  const body = source === "-" ? Deno.stdin.readable : (await Deno.open(source)).readable;
  await write(place, { type: "file" }, owner, body);
}

async function pushTree(place: Place, source: string, given: Owner): Promise<void> {
  const { mode: _, ...ids } = given;
  await write(place, { type: "directory" }, { ...modeAndOwner(await Deno.stat(source)), ...ids }, "");
  for await (const { name, isDirectory, isSymlink, isFile } of Deno.readDir(source)) {
    const [from, to] = [join(source, name), inside(place, name)];
    const owner = { ...modeAndOwner(await Deno.lstat(from)), ...given };
    if (isDirectory) await pushTree(to, from, given);
    else if (isSymlink) await write(to, { type: "symlink" }, owner, await Deno.readLink(from));
    else if (isFile) await pushFile(to, from, owner);
    else {throw new DreyError("BAD_REQUEST", {
        message: `Cannot push "${from}": it is neither file nor directory`,
      });}
  }
}

async function makeDirectories(place: Place, path: string, { uid, gid }: Owner): Promise<void> {
  let at = "/";
  for (const word of path.split("/").filter((word) => word !== "" && word !== ".")) {
    at = join(at, word);
    await write({ ...place, path: at }, { type: "directory" }, { uid, gid, mode: 0o755 }, "");
  }
}

async function write(
  { client, name, path }: Place,
  { type }: { type: "file" | "directory" | "symlink" },
  owner: Owner,
  body: BodyInit,
): Promise<void> {
  const headers: Record<string, string> = { "x-lxd-type": type, "x-lxd-write": "overwrite" };
  if (owner.uid !== undefined) headers["x-lxd-uid"] = String(owner.uid);
  if (owner.gid !== undefined) headers["x-lxd-gid"] = String(owner.gid);
  if (owner.mode !== undefined) headers["x-lxd-mode"] = owner.mode.toString(8).padStart(4, "0");
  await client.call("instance.file.put", { params: { name }, query: { path }, upload: { body, headers } });
}

async function read({ client, name, path }: Place): Promise<Found> {
  const body = await client.raw("instance.file.get", { params: { name }, query: { path } });
  const type = body.headers.get("x-lxd-type") ?? "file";
  return { type, mode: parseInt(body.headers.get("x-lxd-mode") ?? "644", 8), body };
}

async function pullTree(place: Place, found: Found, local: string): Promise<void> {
  const { isDrey, pullStream } = await import("./file_tree.ts");
  if (!await isDrey(place.client)) return await pullBelow(place, found, local);
  await found.body.body?.cancel();
  await pullStream(place, local);
}

/** The file or the link that was named. */
async function pullInto({ type, mode, body }: Found, local: string): Promise<void> {
  if (type === "symlink") return await Deno.symlink(await boundedText(body), local);
  const file = await Deno.open(local, { write: true, create: true, truncate: true, mode: mode & 0o777 });
  await (body.body ?? new Blob().stream()).pipeTo(file.writable);
}

/** What the instance has named: no link of its own may lead elsewhere. */
async function pullBelow(place: Place, found: Found, local: string): Promise<void> {
  const { makeDirectory, openToWrite } = await import("./file_tree.ts");
  const { type, mode, body } = found;
  if (type === "symlink") return await pullInto(found, local);
  if (type === "file") {
    return await (body.body ?? new Blob().stream()).pipeTo(openToWrite(local, mode).writable);
  }
  const { metadata: names } = JSON.parse(await boundedText(body)) as { metadata: string[] };
  makeDirectory(local, mode);
  for (const name of names) {
    // the instance chooses names, and must not choose where on this side they go
    if (name === "" || name === "." || name === ".." || name.includes("/")) {
      throw new DreyError("SERVER_FAILED", { message: `The server sent an impossible file name: "${name}"` });
    }
    const next = inside(place, name);
    await pullBelow(next, await read(next), join(local, name));
  }
}

async function statLocal(path: string): Promise<Deno.FileInfo> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new DreyError("NOT_FOUND", {
      message: `Cannot push "${path}": there is no such file`,
      cause: error,
    });
  }
}

async function localInfo(path: string): Promise<Deno.FileInfo | undefined> {
  return await Deno.stat(path).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  });
}
