// @std/yaml as npm serves it, with its types. On JSR this file is one line of deno.json.

// @ts-types="./yaml.d.ts"
export { parse, stringify } from "deno-std/yaml/mod.js";
