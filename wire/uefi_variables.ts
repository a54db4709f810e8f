// Variables of the firmware of a virtual machine: what a client sees and sends.

import * as s from "./schema.ts";

const uefiVariable = s.object({
  data: s.optional(s.string, "its value, in hexadecimal digits"),
  attr: s.optional(s.integer, "its attributes, as EDK2 counts them"),
  timestamp: s.optional(s.string, "for variables that are authenticated by time; in hexadecimal digits"),
  digest: s.optional(s.string, "told by LXD, ignored here"),
});

/** Variables by their names, each with `-` and its vendor's UUID behind. */
export const uefiVariables = s.object({
  variables: s.optional(s.record(uefiVariable), "all of them: those that are not named go"),
});

export type UefiVariableEntry = s.TypeOf<typeof uefiVariable>;
export type InstanceUefiVariables = s.TypeOf<typeof uefiVariables>;
