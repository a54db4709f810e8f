// What the API says of itself: its routes as an OpenAPI document, the configuration keys as LXD describes its own.

import manifest from "../../deno.json" with { type: "json" };
import { type DescribedKey as KeyRow, keysByKind, type KeyTable, keyTables } from "../../config/all_keys.ts";
import { routes } from "../../wire/routes.ts";
import type { ConfigurationMetadata, DescribedKey } from "../../wire/server.ts";
import type { Handlers } from "../call.ts";
import { openApi } from "../openapi.ts";

export const handlers: Handlers<"openapi" | "configuration.get"> = {
  "openapi": () => {
    const text = JSON.stringify(openApi(Object.values(routes), manifest.version), null, 2);
    const headers = { "content-type": "application/json" };
    return Promise.resolve(new Response(`${text}\n`, { headers }));
  },
  "configuration.get": () => Promise.resolve(describe(keyTables)),
};

function describe(tables: readonly KeyTable[]): ConfigurationMetadata {
  const group = (keys: readonly KeyRow[]) => ({
    keys: keys.filter(({ internal }) => !internal).map((key) => ({ [key.name]: describeKey(key) })),
  });
  const kinds = Object.entries(keysByKind).map(([kind, groups]) => [
    kind,
    Object.fromEntries(Object.entries(groups).map(([name, keys]) => [name, group(keys)])),
  ]);
  const whole = tables.map(({ entity, keys }) => [entity, { "drey": group(keys) }]);
  return { configs: Object.fromEntries([...whole, ...kinds]) };
}

function describeKey(key: KeyRow): DescribedKey {
  return {
    type: key.type.name,
    shortdesc: key.short,
    longdesc: "",
    ...(key.default === undefined ? {} : { defaultdesc: `\`${key.default}\`` }),
    liveupdate: key.live ? "yes" : "no",
    scope: "global",
  };
}
