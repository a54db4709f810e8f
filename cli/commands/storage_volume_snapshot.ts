// drey storage volume snapshot and restore.

import type { Shell } from "../shell.ts";
import { readVolume } from "../volumes.ts";

export async function snapshot(shell: Shell): Promise<void> {
  const { client, params } = await readVolume(shell);
  const name = shell.typed.args[2];
  if (name !== undefined && shell.typed.has("reuse")) {
    const kept = await client.call("volume.snapshots.list", { params });
    if (kept.some((one) => one.endsWith(`/${encodeURIComponent(name)}`))) {
      await shell.wait(
        await client.start("volume.snapshot.delete", { params: { ...params, snapshot: name } }),
        name,
      );
    }
  }
  const body = {
    ...(name === undefined ? {} : { name }),
    ...(shell.typed.has("no-expiry") ? { expires_at: "0001-01-01T00:00:00Z" } : {}),
  };
  await shell.wait(await client.start("volume.snapshots.create", { params, body }), params.volume);
}

export async function restore(shell: Shell): Promise<void> {
  const { client, params } = await readVolume(shell);
  const { value: { config, description }, etag } = await client.read("volume.get", { params });
  const body = { config, description, restore: shell.typed.args[2] ?? "" };
  await client.call("volume.update", { params, body, etag });
}
