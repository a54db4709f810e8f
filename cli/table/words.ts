// Words that many rows of the table of commands share: arguments, flags, examples.

import type { Arg, Example, Flag } from "../command.ts";

export const instance: Arg = { name: "instance", kind: "instance", remote: true };
export const instances: Arg = { ...instance, many: true, optional: true };
export const profile: Arg = { name: "profile", kind: "profile", remote: true };
export const project: Arg = { name: "project", kind: "project", remote: true };
export const image: Arg = { name: "image", kind: "image", remote: true };
export const pool: Arg = { name: "pool", kind: "pool", remote: true };
export const remote: Arg = { name: "remote", kind: "remote", remote: true, optional: true };
export const device: Arg = { name: "device", kind: "device" };
export const key: Arg = { name: "key", kind: "key" };
export const keyValues: Arg = { name: "key=value", kind: "key", many: true };
export const newName: Arg = { name: "new-name", kind: "text" };
/** Between two servers. */
export const transferMode: Flag = {
  name: "mode",
  value: "mode",
  choices: ["pull", "push", "relay"],
  summary: "Who connects between servers: pull (the target), push or relay (this side)",
};
export const format: Flag = {
  name: "format",
  short: "f",
  value: "format",
  choices: ["table", "json", "yaml", "csv", "compact"],
  default: "table",
  summary: "Format: table, json, yaml, csv or compact",
};
export const columns = (letters: string): Flag => ({
  name: "columns",
  short: "c",
  value: "columns",
  default: letters,
  summary: `Columns to show (default ${letters})`,
});
export const allProjects: Flag = { name: "all-projects", summary: "Show all projects" };
export const property: Flag = {
  name: "property",
  short: "p",
  summary: "Treat the key as a property of the resource",
};
export const force = (summary: string): Flag => ({ name: "force", short: "f", summary });
export const all: Flag = { name: "all", summary: "Apply to all instances of the project" };
export const example = (line: string, about: string): Example => ({ line, about });
