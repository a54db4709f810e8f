// drey snapshot and drey restore: keeping what an instance is, and going back to it.

import { DreyError } from "../../errors.ts";
import { resolveName } from "../resolve.ts";
import type { Shell } from "../shell.ts";

/** `c1/s0` as its two words; `c1` alone has no snapshot. */
export function splitSnapshot(text: string): { name: string; snapshot?: string } {
  const at = text.indexOf("/");
  return at < 0 ? { name: text } : { name: text.slice(0, at), snapshot: text.slice(at + 1) };
}

export async function snapshot(shell: Shell): Promise<void> {
  const [instance = "", wanted] = shell.typed.args;
  const { remote, name } = resolveName(instance, "instance");
  const client = await shell.connect(remote);
  const { has } = shell.typed;
  if (has("reuse") && wanted !== undefined) await removeOld(shell, { instance, snapshot: wanted });
  const body = {
    ...(wanted === undefined ? {} : { name: wanted }),
    stateful: has("stateful"),
    ...(has("no-expiry") ? { expires_at: "0001-01-01T00:00:00Z" } : {}),
  };
  try {
    await shell.wait(await client.start("snapshots.create", { params: { name }, body }), name);
  } catch (error) {
    if (!(error instanceof DreyError && error.code === "NOT_FOUND")) throw error;
    // `snapshot list web` is understood: an instance may be called list
    const { habit } = await import("../habits.ts");
    throw habit(["snapshot", ...shell.typed.args], error) ?? error;
  }
}

async function removeOld(
  shell: Shell,
  { instance, snapshot }: { instance: string; snapshot: string },
): Promise<void> {
  const { remote, name } = resolveName(instance, "instance");
  const client = await shell.connect(remote);
  const params = { name, snapshot };
  try {
    await client.call("snapshot.get", { params });
  } catch (error) {
    if (error instanceof DreyError && error.code === "NOT_FOUND") return;
    throw error;
  }
  await shell.wait(await client.start("snapshot.delete", { params }), `${name}/${snapshot}`);
}

export async function restore(shell: Shell): Promise<void> {
  const [instance = "", snapshot = ""] = shell.typed.args;
  const { remote, name } = resolveName(instance, "instance");
  const client = await shell.connect(remote);
  const body = { restore: snapshot, stateful: shell.typed.has("stateful") };
  await shell.wait(await client.start("instance.update", { params: { name }, body }), name);
}
