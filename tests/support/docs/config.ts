// docs/config.md: every configuration key drey obeys, and those of LXD that it refuses by name.

import { type KeyTable, keyTables } from "../../../config/all_keys.ts";
import { code, generated, table } from "./markdown.ts";

/** The reference of configuration keys. */
export function configPage(): string {
  return `${generated("the tables of keys (`config/`)")}

# Configuration keys

**Live** keys reach a running instance; the others count from its next start, but for those of its ids
(\`raw.idmap\`, \`security.idmap.*\`), which stay as they were at its first. A key of LXD that is not listed here,
or is listed as "not yet", is refused when it is set.

${keyTables.map(section).join("\n\n")}
`;
}

function section({ title, keys, toCome }: KeyTable): string {
  const shown = keys.filter(({ internal }) => !internal);
  const rows = shown.map(({ name, type, default: initial = "", live, short }) => [
    code(name),
    type.wanted,
    code(initial),
    live ? "yes" : "no",
    short,
  ]);
  const parts = [`## ${title}`];
  if (rows.length > 0) parts.push(table(["key", "value", "default", "live", "what for"], rows));
  else parts.push("Has no keys.");
  if (toCome.length > 0) parts.push(`Not yet: ${toCome.map(code).join(", ")}.`);
  return parts.join("\n\n");
}
