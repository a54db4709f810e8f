// Things with a description and keys and no devices, changed as `set` and `unset` say. Pure.

import { DreyError } from "../errors.ts";
import type { Config } from "../wire/instance.ts";

interface Described {
  description?: string;
  config?: Config;
}

/** With keys set, or as a property the description. @throws {DreyError} `BAD_REQUEST` for another property */
export function changeKeys<T extends Described>(
  old: T,
  pairs: Record<string, string>,
  isProperty: boolean,
): T {
  if (!isProperty) return { ...old, config: { ...old.config, ...pairs } };
  if (Object.keys(pairs).every((key) => key === "description")) {
    return { ...old, description: pairs["description"] };
  }
  throw new DreyError("BAD_REQUEST", { message: "The only property to set so is description" });
}

/** Without a key. @throws {DreyError} `NOT_FOUND` if it is not set */
export function withoutKey<T extends Described>(old: T, key: string, what: string): T {
  const { [key]: value, ...config } = old.config ?? {};
  if (value !== undefined) return { ...old, config };
  throw new DreyError("NOT_FOUND", { message: `Cannot unset key "${key}": the ${what} does not set it` });
}
