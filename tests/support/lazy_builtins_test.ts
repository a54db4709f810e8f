import { assertEquals } from "@std/testing";
import { deferBuiltins } from "./lazy_builtins.ts";

Deno.test("deferBuiltins() moves the imports of a lazy part into it and leaves those of eager parts", () => {
  const bundle = `// lazy.ts
import { a as a2, b } from "node:util";
import * as http from "node:http";
import x from "npm:x";
var init_lazy = __esm({
  "lazy.ts"() {
    x(a2, b, http);
  }
});

// cli.ts
import { c } from "node:path";
c();`;
  assertEquals(
    deferBuiltins(bundle),
    `// lazy.ts
var a2, b;
var http;
import x from "npm:x";
var init_lazy = __esm({
  "lazy.ts"() {
({ a: a2, b: b } = process.getBuiltinModule("node:util"));
http = process.getBuiltinModule("node:http");
    x(a2, b, http);
  }
});

// cli.ts
import { c } from "node:path";
c();`,
  );
});

Deno.test("deferBuiltins() makes the require() of CommonJS packages lazy", () => {
  const bundle = `import { createRequire as __make } from "node:module";
var __require = __make(import.meta.url);
`;
  assertEquals(/^import/m.test(deferBuiltins(bundle)), false);
});
