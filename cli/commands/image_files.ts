// drey image import and export: images as files on this side.

import { DreyError } from "../../errors.ts";
import type { Client } from "../../client/client.ts";
import { boundaryOf, readMultipart } from "../../sys/multipart.ts";
import type { Operation } from "../../wire/operation.ts";
import { keyValues, resolveOnServer } from "../resolve.ts";
import { saveBody, saveTo } from "../files.ts";
import type { Shell } from "../shell.ts";
import { readImage } from "./image.ts";

export async function importImage(shell: Shell): Promise<void> {
  const { typed } = shell;
  const [file = "", ...rest] = typed.args;
  const words = rest.filter((word) => !/^[\w.-]+:$/.test(word));
  const remote = resolveOnServer(rest.find((word) => /^[\w.-]+:$/.test(word)) ?? "").remote;
  const rootfs = words[0] !== undefined && !words[0].includes("=") ? words.shift() : undefined;
  const client = await shell.connect(remote);
  const properties = keyValues(words);
  const running = /^https?:\/\//.test(file)
    ? await importUrl(client, { url: file, isPublic: typed.has("public"), properties })
    : await importFiles(client, { file, rootfs, isPublic: typed.has("public"), properties });
  const ended = await shell.wait(running, file).catch((error) => tellAlias(error, typed.list("alias")[0]));
  const fingerprint = fingerprintOf(ended);
  for (const name of typed.list("alias")) {
    await client.call("image.aliases.create", { body: { name, target: fingerprint, description: "" } });
  }
  shell.print(`Image imported with fingerprint: ${fingerprint}\n`);
}

/** An image that is here already can still be given the name that was typed. */
function tellAlias(error: unknown, alias: string | undefined): never {
  const [, short] = /already exists: ([0-9a-f]{12})/.exec(error instanceof DreyError ? error.message : "") ??
    [];
  if (!(error instanceof DreyError) || short === undefined || alias === undefined) throw error;
  const hint = `For another name of it: drey image alias create ${alias} ${short}`;
  throw new DreyError(error.code, { message: error.message, hint, cause: error });
}

interface Import {
  isPublic: boolean;
  properties: Record<string, string>;
}

function importUrl(client: Client, { url, isPublic, properties }: Import & { url: string }) {
  const body = JSON.stringify({ source: { type: "url", url }, public: isPublic, properties });
  return client.start("images.create", { upload: { body, headers: { "content-type": "application/json" } } });
}

async function importFiles(
  client: Client,
  { file, rootfs, ...rest }: Import & { file: string; rootfs?: string },
) {
  await using stack = new AsyncDisposableStack();
  const isDirectory = (await stat(file)).isDirectory;
  const packed = isDirectory ? stack.use(await pack(file)).path : file;
  const headers: Record<string, string> = {
    "x-lxd-filename": baseName(isDirectory ? `${file.replace(/\/+$/, "")}.tar` : file),
    "x-lxd-public": rest.isPublic ? "1" : "0",
    "x-lxd-properties": new URLSearchParams(rest.properties).toString(),
  };
  const files = [{ part: "metadata", filename: baseName(packed), path: packed }];
  if (rootfs !== undefined) {
    const part = /\.(img|qcow2)$/.test(rootfs) ? "rootfs.img" : "rootfs";
    files.push({ part, filename: baseName(rootfs), path: rootfs });
  }
  for (const { path } of files) await stat(path);
  return await client.start("images.create", { upload: { body: files, headers } });
}

const baseName = (path: string) => path.split("/").at(-1) ?? path;

async function stat(path: string): Promise<Deno.FileInfo> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new DreyError("NOT_FOUND", {
      message: `Cannot import "${path}": there is no such file`,
      cause: error,
    });
  }
}

// the server takes files only, and a tar of the directory is what LXD's clients send for one
async function pack(directory: string): Promise<{ path: string } & AsyncDisposable> {
  const { runChecked } = await import("../../sys/run.ts");
  const { inTemporaryPlace } = await import("../../sys/temporary_place.ts");
  const path = await inTemporaryPlace(() => Deno.makeTempFile({ prefix: "drey_image_", suffix: ".tar" }));
  const remove = () => Deno.remove(path);
  const argv = ["tar", "--numeric-owner", "--xattrs", "--acls", "-C", directory, "-cf", path, "."];
  try {
    await inTemporaryPlace(() => runChecked(argv));
  } catch (error) {
    await remove();
    throw error;
  }
  return { path, [Symbol.asyncDispose]: remove };
}

function fingerprintOf({ metadata }: Operation): string {
  return String(metadata?.fingerprint ?? "");
}

export async function exportImage(shell: Shell): Promise<void> {
  const [text = "", target = "."] = shell.typed.args;
  const { client, fingerprint } = await readImage(shell, text);
  const response = await client.raw("image.export", { params: { fingerprint } });
  if (response.body === null) throw new DreyError("SERVER_FAILED", { message: "The server sent no image" });
  const isDirectory = await Deno.stat(target).then((info) => info.isDirectory, () => false);
  // the server may choose the name, but no hidden file, such as one of a shell's
  const named = (filename: string) => baseName(filename).replace(/^\.+/, "") || fingerprint;
  const place = (filename: string, ending: string) =>
    isDirectory ? `${target.replace(/\/+$/, "")}/${named(filename)}` : `${target}${ending}`;
  const write = async (body: ReadableStream<Uint8Array>, path: string) => {
    await saveBody(path, body);
    shell.print(`Written: ${path}\n`);
  };
  const type = response.headers.get("content-type") ?? "";
  const boundary = boundaryOf(type);
  if (target === "-") {
    if (boundary === undefined) return await saveTo(shell, target, response);
    await response.body.cancel();
    throw new DreyError("BAD_REQUEST", {
      message: `Cannot write image "${text}" to standard output: it has two files, metadata and root`,
      hint: `Name files for them: drey image export ${text} NAME`,
    });
  }
  if (boundary === undefined) {
    const filename = filenameOf(response.headers.get("content-disposition")) ?? `${fingerprint}.tar`;
    return await write(response.body, place(filename, endingOf(filename)));
  }
  for await (const part of readMultipart(response.body, { boundary, code: "SERVER_FAILED" })) {
    const filename = part.filename ?? `${fingerprint}-${part.name}`;
    const infix = part.name === "metadata" ? "" : ".root";
    await write(ReadableStream.from(part.content), place(filename, `${infix}${endingOf(filename)}`));
  }
}

/** `.tar.xz` of `a.tar.xz` */
const endingOf = (filename: string) => /(\.tar)?\.[a-z0-9]+$/i.exec(filename)?.[0] ?? "";

const filenameOf = (disposition: string | null) => /filename="?([^";]+)"?/.exec(disposition ?? "")?.[1];
