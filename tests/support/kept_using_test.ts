import { assertEquals } from "@std/testing";
import { countUsing, markUsing, unmarkUsing } from "./kept_using.ts";

Deno.test("markUsing() puts a statement behind each declaration, also one of several lines", () => {
  const bundle = [
    "async function f() {",
    "  await using a = open();",
    "  return a.read({",
    "  });",
    "  using b = open({",
    "    then() {",
    "      return 1;",
    "    }",
    "  });",
    "}",
  ];
  const marked = [...bundle.slice(0, 2), "  debugger;", ...bundle.slice(2, 9), "  debugger;", "}"];
  assertEquals(markUsing(bundle.join("\n")), marked.join("\n"));
  assertEquals(countUsing(bundle.join("\n")), 2);
  assertEquals(unmarkUsing("await using a=open();debugger;return a"), "await using a=open();return a");
});
