// @std/testing's nearest stand-in on npm: the assertions of deno-std, with their types.

// @ts-types="./testing.d.ts"
export {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
  fail,
} from "deno-std/assert/mod.js";
