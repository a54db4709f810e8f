// Rows of the commands of configuration and devices.

import type { Command, Group } from "../command.ts";
import { deviceRows } from "./devices.ts";
import { device, example, instance, key, keyValues, property } from "./words.ts";

const config = () => import("../commands/config.ts");
const devices = () => import("../commands/device.ts");

export const groups: readonly Group[] = [
  { path: "config", summary: "Configuration of instances and of the server" },
  { path: "config device", summary: "Devices of instances" },
];

export const commands: readonly Command[] = [
  {
    path: "config get",
    args: [{ ...instance, optional: true }, key],
    flags: [property, { name: "expanded", short: "e", summary: "With what its profiles say" }],
    summary: "Print one key of an instance or of the server",
    examples: [
      example("config get web limits.memory", "Of an instance"),
      example("config get web description -p", "A property"),
      example("config get core.https_address", "Of the server"),
    ],
    load: async () => (await config()).get,
  },
  {
    path: "config set",
    args: [{ ...instance, optional: true }, keyValues],
    flags: [property],
    summary: "Set keys of an instance or of the server",
    about: "A value that is - is read from standard input.",
    examples: [
      example("config set web limits.memory=1GiB limits.cpu=2", "Limits, in force at once"),
      example("config set web description=Shop -p", "A property"),
      example("config set web user.user-data - < cloud.yaml", "A value from a file"),
    ],
    load: async () => (await config()).set,
  },
  {
    path: "config unset",
    args: [{ ...instance, optional: true }, key],
    flags: [property],
    summary: "Remove a key of an instance or of the server",
    examples: [example("config unset web limits.memory", "Remove a limit")],
    load: async () => (await config()).unset,
  },
  {
    path: "config show",
    args: [{ ...instance, optional: true }],
    flags: [{ name: "expanded", short: "e", summary: "With what its profiles say" }],
    summary: "Show the configuration of an instance or of the server, as YAML",
    examples: [
      example("config show web", "What the instance itself says"),
      example("config show web -e", "Together with its profiles"),
    ],
    load: async () => (await config()).show,
  },
  {
    path: "config edit",
    args: [{ ...instance, optional: true }],
    flags: [],
    summary: "Edit the configuration of an instance or of the server, as YAML",
    about: "Opens $VISUAL or $EDITOR; standard input is taken instead if it is no terminal.",
    examples: [
      example("config edit web", "In an editor"),
      example("config edit web < web.yaml", "From a file"),
    ],
    load: async () => (await config()).edit,
  },
  ...deviceRows("config device", instance, "instance"),
  {
    path: "config device override",
    args: [instance, device, { ...keyValues, optional: true }],
    flags: [],
    summary: "Copy a device of a profile into the instance and change it there",
    examples: [example("config device override web root size=20GiB", "A bigger root disk for one instance")],
    load: async () => (await devices()).overrideDevice,
  },
];
