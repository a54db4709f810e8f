// @std/cli as npm serves it, with its types. On JSR this file is one line of deno.json.

// @ts-types="./cli.d.ts"
export { parseArgs } from "deno-std/cli/parse_args.js";
