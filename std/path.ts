// @std/path as npm serves it, with its types. On JSR this file is one line of deno.json. It goes function by
// function and POSIX only: the whole module takes 15 ms to load, and every command would feel it.

// @ts-types="./path.d.ts"
export { basename } from "deno-std/path/posix/basename.js";
// @ts-types="./path.d.ts"
export { dirname } from "deno-std/path/posix/dirname.js";
// @ts-types="./path.d.ts"
export { extname } from "deno-std/path/posix/extname.js";
// @ts-types="./path.d.ts"
export { fromFileUrl } from "deno-std/path/posix/from_file_url.js";
// @ts-types="./path.d.ts"
export { isAbsolute } from "deno-std/path/posix/is_absolute.js";
// @ts-types="./path.d.ts"
export { join } from "deno-std/path/posix/join.js";
// @ts-types="./path.d.ts"
export { normalize } from "deno-std/path/posix/normalize.js";
// @ts-types="./path.d.ts"
export { relative } from "deno-std/path/posix/relative.js";
// @ts-types="./path.d.ts"
export { resolve } from "deno-std/path/posix/resolve.js";
