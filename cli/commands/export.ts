// drey export and drey import: instances as files on this side.

import { DreyError } from "../../errors.ts";
import { keyValues, resolveName, resolveOnServer } from "../resolve.ts";
import type { Shell } from "../shell.ts";
import { mustBeWritable, openToSend, saveTo } from "../files.ts";

export async function exportInstance(shell: Shell): Promise<void> {
  const { typed } = shell;
  const { remote, name } = resolveName(typed.args[0] ?? "", "instance");
  const client = await shell.connect(remote);
  const path = typed.args[1] ?? `${name}.tar.gz`;
  await mustBeWritable(path);
  const compression = typed.text("compression");
  const body = {
    name: "",
    // a file that is being fetched is not kept for ever, should we be killed
    expires_at: new Date(Date.now() + 24 * 3600 * 1000).toISOString(),
    instance_only: typed.has("instance-only"),
    optimized_storage: typed.has("optimized-storage"),
    ...(compression === undefined ? {} : { compression_algorithm: compression }),
  };
  const ended = await shell.wait(
    await client.start("instance.backups.create", { params: { name }, body }),
    name,
  );
  const params = { name, backup: backupOf(ended.resources?.["backups"]?.[0]) };
  try {
    await saveTo(shell, path, await client.raw("instance.backup.export", { params }));
  } finally {
    await shell.wait(await client.start("instance.backup.delete", { params }), name);
  }
  if (path !== "-") shell.say("Backup exported successfully!");
}

/** Name of a backup, the last word of its address. */
export function backupOf(address: string | undefined): string {
  const name = address?.split("?")[0]?.split("/").at(-1);
  if (name !== undefined && name !== "") return decodeURIComponent(name);
  throw new DreyError("SERVER_FAILED", { message: "The server does not say what the backup is called" });
}

export async function importInstance(shell: Shell): Promise<void> {
  const { typed } = shell;
  const [first = "", ...rest] = typed.args;
  const isRemote = /^[\w-]+:$/.test(first);
  const { remote } = resolveOnServer(isRemote ? first : "");
  const [path = "", name] = isRemote ? rest : [first, ...rest];
  const client = await shell.connect(remote);
  const pool = typed.text("storage");
  const devices = readDevices(typed.list("device"));
  const headers = {
    ...(name === undefined ? {} : { "x-lxd-name": name }),
    ...(pool === undefined ? {} : { "x-lxd-pool": pool }),
    ...(Object.keys(devices).length === 0 ? {} : { "x-lxd-devices": formOf(devices) }),
  };
  const body = await openToSend(path);
  const upload = { body, headers: { "content-type": "application/octet-stream", ...headers } };
  await shell.wait(await client.start("instances.create", { upload }), name ?? path);
}

/** `DEVICE,key=value,…` words. @throws {DreyError} `BAD_REQUEST` */
function readDevices(words: readonly string[]): Record<string, Record<string, string>> {
  const devices: Record<string, Record<string, string>> = {};
  for (const word of words) {
    const [name = "", ...pairs] = word.split(",");
    if (name === "" || pairs.length === 0) {
      throw new DreyError("BAD_REQUEST", { message: `Expected device,key=value, got "${word}"` });
    }
    devices[name] = { ...devices[name], ...keyValues(pairs) };
  }
  return devices;
}

/** A form within a form, as LXD has it. */
const formOf = (devices: Record<string, Record<string, string>>) =>
  new URLSearchParams(
    Object.entries(devices).map(([name, keys]) => [name, String(new URLSearchParams(keys))]),
  ).toString();
