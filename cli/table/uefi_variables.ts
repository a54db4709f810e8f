// Rows of the commands of the firmware's variables.

import type { Arg, Command, Group } from "../command.ts";
import { example, instance } from "./words.ts";

const variable: Arg = { name: "variable", kind: "text" };
const variables: Arg = { name: "variable=data", kind: "text", many: true };

const uefi = () => import("../commands/uefi_variables.ts");

export const groups: readonly Group[] = [
  { path: "config uefi", summary: "Manage UEFI variables of virtual machines" },
];

const secure = "SecureBootEnable-f0a30bc7-af08-4556-99c4-001009c93a44";

export const commands: readonly Command[] = [
  {
    path: "config uefi show",
    args: [instance],
    flags: [],
    summary: "Show UEFI variables as YAML",
    about: "The name of a variable ends in the UUID of its vendor. Data is in hexadecimal.",
    examples: [example("config uefi show v1", "Show every variable")],
    load: async () => (await uefi()).show,
  },
  {
    path: "config uefi get",
    args: [instance, variable],
    flags: [],
    summary: "Print the data of a UEFI variable",
    examples: [example(`config uefi get v1 ${secure}`, "Print whether Secure Boot is on")],
    load: async () => (await uefi()).get,
  },
  {
    path: "config uefi set",
    args: [instance, variables],
    flags: [],
    summary: "Set UEFI variables of a stopped virtual machine",
    examples: [example(`config uefi set v1 ${secure}=00`, "Set a variable to data in hexadecimal")],
    load: async () => (await uefi()).set,
  },
  {
    path: "config uefi unset",
    args: [instance, variable],
    flags: [],
    summary: "Remove a UEFI variable of a stopped virtual machine",
    examples: [
      example("config uefi unset v1 BootOrder-8be4df61-93ca-11d2-aa0d-00e098032b8c", "Remove the boot order"),
    ],
    load: async () => (await uefi()).unset,
  },
  {
    path: "config uefi edit",
    args: [instance],
    flags: [],
    summary: "Edit UEFI variables as YAML",
    about:
      "Opens $VISUAL or $EDITOR. If standard input is not a terminal, the variables are read from there.",
    examples: [example("config uefi edit v1", "Open an editor")],
    load: async () => (await uefi()).edit,
  },
];
