// drey config device and drey profile device: the same verbs on an instance and on a profile.

import { DreyError } from "../../errors.ts";
import type { Config, Device } from "../../wire/instance.ts";
import type { Handler } from "../command.ts";
import { configured, type ConfiguredKind, deviceOf } from "../configured.ts";
import { toYaml } from "../output.ts";
import { keyValues, resolveName } from "../resolve.ts";
import { change } from "../settings.ts";
import type { Shell } from "../shell.ts";

export const addDevice = (kind: ConfiguredKind): Handler => async (shell) => {
  const { owner, device, rest: [type = "", ...pairs] } = await read(shell, kind);
  const added: Device = { type, ...keyValues(pairs) };
  let config: Config = {};
  await change(owner, (value) => {
    if (Object.hasOwn(value.devices, device)) {
      throw new DreyError("ALREADY_EXISTS", {
        message: `The ${owner.title} has a device "${device}" already`,
      });
    }
    value.devices[device] = added;
    config = value.config;
  });
  shell.print(`Device ${device} added to ${owner.name}\n`);
  if (kind === "instance" && await isOwnersDirectory(added) && config["raw.idmap"] === undefined) {
    shell.say(
      `Note: inside, the files in "${
        added["source"]
      }" are nobody's, and open as far as they are to strangers. An ` +
        `instance created with -c raw.idmap="both ${Deno.uid()} 1000" has them as its user 1000's`,
    );
  }
};

/** Whether a disk is a directory of an ordinary caller's, which is there to be written to. */
async function isOwnersDirectory({ type, source = "", pool, readonly, shift }: Device): Promise<boolean> {
  if (
    type !== "disk" || !source.startsWith("/") || pool !== undefined || readonly === "true" ||
    shift === "true"
  ) {
    return false;
  }
  // on another machine's server the path is that machine's
  const { uid, isDirectory } = await Deno.stat(source).catch(() => ({ uid: null, isDirectory: false }));
  return isDirectory && uid === Deno.uid() && uid !== 0;
}

export const getDevice = (kind: ConfiguredKind): Handler => async (shell) => {
  const { owner, device, rest: [key = ""] } = await read(shell, kind);
  const { value } = await owner.read();
  shell.print(`${deviceOf(owner, value, device)[key] ?? ""}\n`);
};

export const listDevices = (kind: ConfiguredKind): Handler => async (shell) => {
  const { owner } = await read(shell, kind);
  const { value } = await owner.read();
  for (const name of Object.keys(value.devices).sort()) shell.print(`${name}\n`);
};

export const removeDevices = (kind: ConfiguredKind): Handler => async (shell) => {
  const { owner, device, rest } = await read(shell, kind);
  await change(owner, (value) => {
    for (const name of [device, ...rest]) {
      deviceOf(owner, value, name);
      delete value.devices[name];
    }
  });
  for (const name of [device, ...rest]) shell.print(`Device ${name} removed from ${owner.name}\n`);
};

export const setDevice = (kind: ConfiguredKind): Handler => async (shell) => {
  const { owner, device, rest } = await read(shell, kind);
  const [key = "", text = ""] = rest;
  const pairs = rest.length === 2 && !key.includes("=") ? { [key]: text } : keyValues(rest);
  await change(owner, (value) => void Object.assign(deviceOf(owner, value, device), pairs));
};

export const showDevices = (kind: ConfiguredKind): Handler => async (shell) => {
  const { owner } = await read(shell, kind);
  const { value } = await owner.read();
  shell.print(await toYaml(value.devices));
};

export const unsetDevice = (kind: ConfiguredKind): Handler => async (shell) => {
  const { owner, device, rest: [key = ""] } = await read(shell, kind);
  await change(owner, (value) => {
    delete deviceOf(owner, value, device)[key];
  });
};

/** Makes a device of a profile the instance's own, with changes. */
export async function overrideDevice(shell: Shell): Promise<void> {
  const { owner, device, rest } = await read(shell, "instance");
  const { remote, name } = resolveName(shell.typed.args[0] ?? "", "instance");
  const instance = await (await shell.connect(remote)).call("instance.get", { params: { name } });
  const inherited = instance.expanded_devices[device];
  if (instance.devices[device] !== undefined) {
    throw new DreyError("ALREADY_EXISTS", {
      message: `The ${owner.title} has a device "${device}" of its own`,
    });
  }
  if (inherited === undefined) {
    throw new DreyError("NOT_FOUND", { message: `No profile of ${owner.title} has a device "${device}"` });
  }
  await change(owner, ({ devices }) => {
    devices[device] = { ...inherited, ...keyValues(rest) };
  });
  shell.print(`Device ${device} overridden for ${owner.name}\n`);
}

async function read(shell: Shell, kind: ConfiguredKind) {
  const [text = "", device = "", ...rest] = shell.typed.args;
  const owner = await configured(shell, kind, text);
  return { owner: { ...owner, name: resolveName(text, kind).name }, device, rest };
}
