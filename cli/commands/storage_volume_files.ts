// drey storage volume import: volumes made of files on this side.

import { DreyError } from "../../errors.ts";
import { resolveName } from "../resolve.ts";
import type { Shell } from "../shell.ts";
import { waitIfBegun } from "../volumes.ts";

export async function importFile(shell: Shell): Promise<void> {
  const { remote, name: pool } = resolveName(shell.typed.args[0] ?? "", "storage pool");
  const [, path = "", given] = shell.typed.args;
  const client = await shell.connect(remote);
  const type = shell.typed.text("type") ?? (/\.iso$/i.test(path) ? "iso" : "backup");
  const name = given ?? (type === "iso" ? baseName(path) : "");
  const body = (await open(path)).readable;
  const headers = {
    "content-type": "application/octet-stream",
    "x-lxd-name": name,
    "x-lxd-type": type,
  };
  const params = { pool, type: "custom" };
  const answer = await client.call("volumes.typed.create", { params, upload: { body, headers } });
  await waitIfBegun(shell, { client, answer, label: name || baseName(path) });
}

const baseName = (path: string) => path.split("/").at(-1) ?? path;

async function open(path: string): Promise<Deno.FsFile> {
  try {
    return await Deno.open(path);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new DreyError("NOT_FOUND", { message: `Cannot import "${path}": there is no such file`, cause });
  }
}
