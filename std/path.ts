// @std/path as npm serves it, with its types. On JSR this file is one line of deno.json.

// @ts-types="./path.d.ts"
export {
  basename,
  dirname,
  extname,
  fromFileUrl,
  isAbsolute,
  join,
  normalize,
  relative,
  resolve,
} from "deno-std/path/mod.js";
