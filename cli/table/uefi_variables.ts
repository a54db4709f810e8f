// Rows of the commands of the firmware's variables.

import type { Arg, Command, Group } from "../command.ts";
import { example, instance } from "./words.ts";

const variable: Arg = { name: "variable", kind: "text" };
const variables: Arg = { name: "variable=data", kind: "text", many: true };

const uefi = () => import("../commands/uefi_variables.ts");

export const groups: readonly Group[] = [
  { path: "config uefi", summary: "Variables of the firmware of a virtual machine" },
];

const secure = "SecureBootEnable-f0a30bc7-af08-4556-99c4-001009c93a44";

export const commands: readonly Command[] = [
  {
    path: "config uefi show",
    args: [instance],
    flags: [],
    summary: "Show all variables of the firmware, as YAML",
    about: "Each is named with its vendor's UUID behind; data is in hexadecimal digits.",
    examples: [example("config uefi show v1", "What the firmware remembers")],
    load: async () => (await uefi()).show,
  },
  {
    path: "config uefi get",
    args: [instance, variable],
    flags: [],
    summary: "Show the data of a variable of the firmware",
    examples: [example(`config uefi get v1 ${secure}`, "Whether only what is signed is run")],
    load: async () => (await uefi()).get,
  },
  {
    path: "config uefi set",
    args: [instance, variables],
    flags: [],
    summary: "Set variables of the firmware while the machine is stopped",
    examples: [example(`config uefi set v1 ${secure}=00`, "Data is in hexadecimal digits")],
    load: async () => (await uefi()).set,
  },
  {
    path: "config uefi unset",
    args: [instance, variable],
    flags: [],
    summary: "Remove a variable of the firmware while the machine is stopped",
    examples: [
      example("config uefi unset v1 BootOrder-8be4df61-93ca-11d2-aa0d-00e098032b8c", "The order of booting"),
    ],
    load: async () => (await uefi()).unset,
  },
  {
    path: "config uefi edit",
    args: [instance],
    flags: [],
    summary: "Edit the variables of the firmware in your editor",
    about: "Where standard input is no terminal, it is read as the new variables.",
    examples: [example("config uefi edit v1", "In $VISUAL or $EDITOR")],
    load: async () => (await uefi()).edit,
  },
];
