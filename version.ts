// drey's version. It is written once, in deno.json; the bundle and the binary carry it along.

import config from "./deno.json" with { type: "json" };

export const version: string = config.version;
