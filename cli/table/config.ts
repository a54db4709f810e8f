// Rows of the commands of configuration and devices.

import type { Command, Group } from "../command.ts";
import { deviceRows } from "./devices.ts";
import { device, example, instance, key, keyValues, property } from "./words.ts";

const config = () => import("../commands/config.ts");
const devices = () => import("../commands/device.ts");

export const groups: readonly Group[] = [
  { path: "config", summary: "Manage configuration of instances and the server" },
  { path: "config device", summary: "Manage devices of instances" },
];

export const commands: readonly Command[] = [
  {
    path: "config get",
    args: [{ ...instance, optional: true }, key],
    flags: [property, { name: "expanded", short: "e", summary: "Include the configuration of its profiles" }],
    summary: "Print a configuration key of an instance or the server",
    examples: [
      example("config get web limits.memory", "Print a key of an instance"),
      example("config get web description -p", "Print a property"),
      example("config get core.https_address", "Print a key of the server"),
    ],
    load: async () => (await config()).get,
  },
  {
    path: "config set",
    args: [{ ...instance, optional: true }, keyValues],
    flags: [property],
    summary: "Set configuration keys of an instance or the server",
    about: "If the value is -, it is read from standard input.",
    examples: [
      example("config set web limits.memory=1GiB limits.cpu=2", "Set limits, which apply at once"),
      example("config set web description=Shop -p", "Set a property"),
      example("config set web user.user-data - < cloud.yaml", "Read a value from a file"),
    ],
    load: async () => (await config()).set,
  },
  {
    path: "config unset",
    args: [{ ...instance, optional: true }, key],
    flags: [property],
    summary: "Unset a configuration key of an instance or the server",
    examples: [example("config unset web limits.memory", "Remove a limit")],
    load: async () => (await config()).unset,
  },
  {
    path: "config show",
    args: [{ ...instance, optional: true }],
    flags: [{ name: "expanded", short: "e", summary: "Include the configuration of its profiles" }],
    summary: "Show the configuration of an instance or the server as YAML",
    examples: [
      example("config show web", "Show its own configuration"),
      example("config show web -e", "Show the configuration with that of its profiles"),
    ],
    load: async () => (await config()).show,
  },
  {
    path: "config edit",
    args: [{ ...instance, optional: true }],
    flags: [],
    summary: "Edit the configuration of an instance or the server as YAML",
    about:
      "Opens $VISUAL or $EDITOR. If standard input is not a terminal, the configuration is read from there.",
    examples: [
      example("config edit web", "Open an editor"),
      example("config edit web < web.yaml", "Read it from a file"),
    ],
    load: async () => (await config()).edit,
  },
  ...deviceRows("config device", instance, "instance"),
  {
    path: "config device override",
    args: [instance, device, { ...keyValues, optional: true }],
    flags: [],
    summary: "Copy a device of a profile to an instance and override its keys",
    examples: [example("config device override web root size=20GiB", "Give one instance a larger root disk")],
    load: async () => (await devices()).overrideDevice,
  },
];
