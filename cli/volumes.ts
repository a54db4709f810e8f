// Storage volumes as they are typed: `POOL [TYPE/]VOLUME[/SNAPSHOT]`, and `POOL/VOLUME[/SNAPSHOT]` for copies.

import type { Client } from "../client/client.ts";
import { runningOperation } from "../client/operations.ts";
import { DreyError } from "../errors.ts";
import type { Operation } from "../wire/operation.ts";
import type { Told } from "../wire/storage_volume.ts";
import { resolveName, resolveOnServer } from "./resolve.ts";
import type { Shell } from "./shell.ts";

export interface NamedVolume {
  client: Client;
  pool: string;
  type: string;
  volume: string;
  snapshot?: string;
  /** as routes want it */
  params: { pool: string; type: string; volume: string };
}

const types = ["custom", "container", "virtual-machine", "image"];

/** The volume of the first two arguments. */
export async function readVolume(shell: Shell): Promise<NamedVolume> {
  const { remote, name: pool } = resolveName(shell.typed.args[0] ?? "", "storage pool");
  return named(await shell.connect(remote), pool, shell.typed.args[1] ?? "");
}

/** A volume written as `POOL/VOLUME[/SNAPSHOT]`. */
export async function readPlaced(shell: Shell, text: string): Promise<NamedVolume> {
  const { remote, name } = resolveOnServer(text);
  const [pool = "", ...rest] = name.split("/");
  if (pool === "" || rest.length === 0) {
    throw new DreyError("BAD_REQUEST", { message: `Expected POOL/VOLUME, got "${text}"` });
  }
  return named(await shell.connect(remote), pool, rest.join("/"));
}

function named(client: Client, pool: string, text: string): NamedVolume {
  const words = text.split("/");
  const hasType = words.length > 1 && types.includes(words[0] ?? "");
  const type = hasType ? words[0] ?? "" : "custom";
  const [volume = "", snapshot, ...more] = hasType ? words.slice(1) : words;
  if (volume === "" || snapshot === "" || more.length > 0) {
    throw new DreyError("BAD_REQUEST", { message: `Invalid name of a storage volume "${text}"` });
  }
  return {
    client,
    pool,
    type,
    volume,
    ...(snapshot === undefined ? {} : { snapshot }),
    params: { pool, type, volume },
  };
}

/** Waits for what may have become an operation. */
export async function waitIfBegun(
  shell: Shell,
  { client, answer, label }: { client: Client; answer: Operation | Told; label: string },
): Promise<void> {
  if (answer !== null && "status_code" in answer) await shell.wait(runningOperation(client, answer), label);
  else tell(shell, answer, label);
}

/** Passes on what a server says of what it has done; one of LXD says nothing. */
export function tell(shell: Shell, answer: Told, label: string): void {
  for (const warning of answer?.warnings ?? []) shell.say(`Warning: ${label}: ${warning}`);
}
