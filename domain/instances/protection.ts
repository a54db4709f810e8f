// What an instance's settings forbid to be done with it.

import * as keys from "../../config/instance_keys.ts";
import { readKey } from "../../config/key.ts";
import { DreyError } from "../../errors.ts";
import type { Context, Ref } from "../context.ts";
import { expand } from "./expand.ts";
import { loadRecord } from "./record.ts";

const protections = {
  delete: { key: keys.protectionDelete, done: "deleted" },
  start: { key: keys.protectionStart, done: "started" },
} as const;

/** @throws {DreyError} `FORBIDDEN` if the instance is protected from this */
export async function mustBeUnprotected(
  context: Context,
  ref: Ref,
  from: keyof typeof protections,
): Promise<void> {
  const { value } = await loadRecord(context, ref);
  const { config } = await expand(context, ref.project, value);
  const { key, done } = protections[from];
  if (!readKey(config, key)) return;
  throw new DreyError("FORBIDDEN", {
    message: `Instance "${ref.name}" is protected from being ${done}`,
    hint: `Run: drey config unset ${ref.name} ${key.name}`,
  });
}
