// drey storage volume export and import: volumes as files on this side.

import { mustBeWritable, openToSend, saveTo } from "../files.ts";
import { resolveName } from "../resolve.ts";
import type { Shell } from "../shell.ts";
import { readVolume, waitIfBegun } from "../volumes.ts";
import { backupOf } from "./export.ts";

export async function exportVolume(shell: Shell): Promise<void> {
  const { client, params, volume } = await readVolume(shell);
  const path = shell.typed.args[2] ?? `${volume}.tar.gz`;
  await mustBeWritable(path);
  const compression = shell.typed.text("compression");
  const body = {
    name: "",
    expires_at: new Date(Date.now() + 24 * 3600 * 1000).toISOString(),
    volume_only: shell.typed.has("volume-only"),
    optimized_storage: shell.typed.has("optimized-storage"),
    ...(compression === undefined ? {} : { compression_algorithm: compression }),
  };
  const ended = await shell.wait(await client.start("volume.backups.create", { params, body }), volume);
  const at = { ...params, backup: backupOf(ended.resources?.["backups"]?.[0]) };
  try {
    await saveTo(shell, path, await client.raw("volume.backup.export", { params: at }));
  } finally {
    await shell.wait(await client.start("volume.backup.delete", { params: at }), volume);
  }
  if (path !== "-") shell.say("Backup exported successfully!");
}

export async function importFile(shell: Shell): Promise<void> {
  const { remote, name: pool } = resolveName(shell.typed.args[0] ?? "", "storage pool");
  const [, path = "", given] = shell.typed.args;
  const client = await shell.connect(remote);
  const type = shell.typed.text("type") ?? (/\.iso$/i.test(path) ? "iso" : "backup");
  const name = given ?? (type === "iso" ? baseName(path) : "");
  const body = await openToSend(path);
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
