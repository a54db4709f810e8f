import { assertEquals } from "@std/testing";
import { describeError, DreyError } from "./errors.ts";

Deno.test("describeError() puts message and hint on one line", () => {
  const error = new DreyError("TOOL_MISSING", { message: "Cannot run it", hint: "Install it" });
  assertEquals(describeError(error), "Cannot run it. Install it");
});

Deno.test("describeError() tells what failed first, not that undoing it failed too", () => {
  const [later, first] = [new Error("Cannot remove"), new DreyError("TOOL_MISSING", { message: "Missing" })];
  assertEquals(describeError(new SuppressedError(later, first)), "Missing");
});
