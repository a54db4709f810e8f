// Fields that somebody wrote and nobody would read: one that is misspelt leaves out what it should have said.

import { DreyError } from "../errors.ts";
import type { Schema } from "../wire/schema.ts";

/** What servers tell of things of any kind and nobody can write: it comes back in what `show` has printed, here or there. */
export const told: readonly string[] = [
  ...[
    "name",
    "project",
    "type",
    "driver",
    "content_type",
    "pool",
    "managed",
    "location",
    "locations",
    "used_by",
  ],
  ...["status", "status_code", "created_at", "last_used_at", "expires_at", "uploaded_at"],
  ...["expanded_config", "expanded_devices", "access_entitlements"],
];

/**
 * Refuses fields that a schema does not know.
 *
 * @param also fields of the whole that are shown with it, and may come back
 * @throws {DreyError} `BAD_REQUEST`
 */
export function mustKnowFields(schema: Schema, value: unknown, also: readonly string[] = []): void {
  const found = unknownField(schema, value, { at: "", also });
  if (found === undefined) return;
  throw new DreyError("BAD_REQUEST", {
    message: `Unknown field "${found.at}${found.name}": there are ${found.known.join(", ")}`,
  });
}

interface Unknown {
  at: string;
  name: string;
  known: string[];
}

function unknownField(
  schema: Schema,
  value: unknown,
  { at, also }: { at: string; also: readonly string[] },
): Unknown | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (schema.kind === "array") {
    return Object.entries(value).map(([index, item]) =>
      unknownField(schema.items, item, { at: `${at.slice(0, -1)}[${index}].`, also: [] })
    ).find((found) => found !== undefined);
  }
  if (schema.kind !== "object") return undefined;
  const known = Object.keys(schema.fields);
  for (const [name, item] of Object.entries(value)) {
    const field = Object.hasOwn(schema.fields, name) ? schema.fields[name] : undefined;
    if (field === undefined && !also.includes(name)) return { at, name, known };
    const below = field && unknownField(field.schema, item, { at: `${at}${name}.`, also: [] });
    if (below !== undefined) return below;
  }
  return undefined;
}
