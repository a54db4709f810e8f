// Rows of the commands that read and change devices.

import type { Arg, Command } from "../command.ts";
import { device, example, key, keyValues } from "./words.ts";

const devices = () => import("../commands/device.ts");

/** The rows that read and change devices, for instances and for profiles alike. */
export function deviceRows(group: string, owner: Arg, of: "instance" | "profile"): Command[] {
  const row = (
    verb: string,
    rest: Omit<Command, "path" | "flags" | "load"> & { run: DeviceVerb },
  ): Command => {
    const { run, ...shown } = rest;
    return { path: `${group} ${verb}`, flags: [], ...shown, load: async () => (await devices())[run](of) };
  };
  const name = of === "instance" ? "web" : "default";
  const at = (words: string) => `${group} ${words}`;
  return [
    row("add", {
      args: [owner, device, { name: "type", kind: "device-type" }, { ...keyValues, optional: true }],
      summary: `Add a device to ${of === "instance" ? "an" : "a"} ${of}`,
      examples: [
        example(
          at(`add ${name} src disk source=/home/me/src path=/srv/src`),
          "Share a directory of the host",
        ),
        example(at(`add ${name} eth1 nic nictype=bridged parent=br0`), "Add a network interface"),
      ],
      run: "addDevice",
    }),
    row("get", {
      args: [owner, device, key],
      summary: "Print a key of a device",
      examples: [example(at(`get ${name} root size`), "Print the size of the root disk")],
      run: "getDevice",
    }),
    row("list", {
      aliases: ["ls"],
      args: [owner],
      summary: "List the names of devices",
      examples: [example(at(`list ${name}`), "Print one name per line")],
      run: "listDevices",
    }),
    row("remove", {
      aliases: ["rm"],
      args: [owner, { ...device, many: true }],
      summary: "Remove devices",
      examples: [example(at(`remove ${name} src`), "Remove one device")],
      run: "removeDevices",
    }),
    row("set", {
      args: [owner, device, keyValues],
      summary: "Set keys of a device",
      examples: [example(at(`set ${name} root size=20GiB`), "Set the size of the root disk to 20 GiB")],
      run: "setDevice",
    }),
    row("show", {
      args: [owner],
      summary: "Show devices and their keys as YAML",
      examples: [example(at(`show ${name}`), "Show every device of its own")],
      run: "showDevices",
    }),
    row("unset", {
      args: [owner, device, key],
      summary: "Remove a key of a device",
      examples: [example(at(`unset ${name} root size`), "Remove the limit of the root disk")],
      run: "unsetDevice",
    }),
  ];
}
type DeviceVerb = Exclude<keyof typeof import("../commands/device.ts"), "overrideDevice">;
