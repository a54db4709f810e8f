// drey storage volume attach and detach: a volume as a device of an instance or of a profile.

import { DreyError } from "../../errors.ts";
import type { Device } from "../../wire/instance.ts";
import type { Handler } from "../command.ts";
import { configured, type ConfiguredKind } from "../configured.ts";
import { change } from "../settings.ts";
import type { Shell } from "../shell.ts";
import { type NamedVolume, readVolume } from "../volumes.ts";

/** `POOL VOLUME OWNER [DEVICE] [PATH]`: a lone last word with a slash is the path. */
export const attach = (kind: ConfiguredKind): Handler => async (shell) => {
  const named = await readCustom(shell);
  const [owner = "", ...rest] = shell.typed.args.slice(2);
  const [first, second] = rest;
  const isPath = second === undefined && first?.startsWith("/") === true;
  const device = (isPath ? undefined : first) ?? named.volume;
  const path = isPath ? first : second;
  const { content_type } = await named.client.call("volume.get", { params: named.params });
  if (content_type === "filesystem" && path === undefined) {
    throw new DreyError("BAD_REQUEST", { message: "Missing the path at which to mount the volume" });
  }
  await change(await configured(shell, kind, owner), ({ devices }) => {
    if (Object.hasOwn(devices, device)) {
      throw new DreyError("ALREADY_EXISTS", { message: `There is a device "${device}" already` });
    }
    const { pool, volume: source } = named;
    devices[device] = { type: "disk", pool, source, ...(path === undefined ? {} : { path }) };
  });
};

export const detach = (kind: ConfiguredKind): Handler => async (shell) => {
  const named = await readCustom(shell);
  const [owner = "", wanted] = shell.typed.args.slice(2);
  await change(await configured(shell, kind, owner), ({ devices }) => {
    const name = wanted ?? findDevice(devices, named);
    const device = Object.hasOwn(devices, name) ? devices[name] : undefined;
    if (device === undefined) throw new DreyError("NOT_FOUND", { message: `There is no device "${name}"` });
    if (!isOf(device, named)) {
      throw new DreyError("BAD_REQUEST", { message: `Device "${name}" is not volume "${named.volume}"` });
    }
    delete devices[name];
  });
};

async function readCustom(shell: Shell): Promise<NamedVolume> {
  const named = await readVolume(shell);
  if (named.type === "custom" && named.snapshot === undefined) return named;
  throw new DreyError("BAD_REQUEST", {
    message: "Only custom volumes can be attached, and no snapshots of them",
  });
}

const isOf = ({ type, pool, source }: Device, named: NamedVolume) =>
  type === "disk" && pool === named.pool && source === named.volume;

function findDevice(devices: Record<string, Device>, named: NamedVolume): string {
  const found = Object.keys(devices).filter((name) => isOf(devices[name] ?? {}, named));
  const [only, ...more] = found;
  if (only !== undefined && more.length === 0) return only;
  throw new DreyError(only === undefined ? "NOT_FOUND" : "BAD_REQUEST", {
    message: only === undefined
      ? "No device found for this storage volume"
      : `More than one device matches, name one: ${found.join(", ")}`,
  });
}
