import { assertEquals } from "@std/testing";
import { moveCold } from "./cold_modules.ts";

const bundle = `var __esm = 1;

// rare.ts
var rare_exports = {};
__export(rare_exports, {
  rare: () => rare
});
function rare() {
  return often + require_old();
}
var init_rare = __esm({
  "rare.ts"() {
    init_often();
  }
});

// old.js
var require_old = __commonJS({
  "old.js"(exports) {
  }
});

// often.ts
var often;
var init_often = __esm({
  "often.ts"() {
    often = 1;
  }
});

// main.ts
async function main() {
  const { rare: rare2 } = await Promise.resolve().then(() => (init_rare(), rare_exports));
}
var init_main = __esm({
  "main.ts"() {
    init_often();
  }
});

// cli.ts
await Promise.resolve().then(() => (init_main(), main_exports));`;

Deno.test("moveCold() moves modules that no warm one imports statically into a function", () => {
  const moved = moveCold(bundle, { "main.ts": [""] });
  assertEquals(
    moved,
    `var __esm = 1;

var rare_exports, init_rare = () => (__cold(), init_rare());
function __cold() {
// rare.ts
rare_exports = {};
__export(rare_exports, {
  rare: () => rare
});
function rare() {
  return often + require_old();
}
init_rare = __esm({
  "rare.ts"() {
    init_often();
  }
});

// old.js
var require_old = __commonJS({
  "old.js"(exports) {
  }
});

}
${bundle.slice(bundle.indexOf("// often.ts"))}`,
  );
});

Deno.test("moveCold() leaves a bundle alone of which everything is warm", () => {
  const warm = { "main.ts": [], "rare.ts": [], "old.js": [], "often.ts": [] };
  assertEquals(moveCold(bundle, warm), bundle);
});
