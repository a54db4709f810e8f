import { assertEquals } from "@std/testing";
import { alsoFailed, describeError, DreyError, explained, explainedToTypist } from "./errors.ts";

Deno.test("describeError() puts message and hint on one line", () => {
  const error = new DreyError("TOOL_MISSING", { message: "Cannot run it", hint: "Install it" });
  assertEquals(describeError(error), "Cannot run it. Install it");
});

Deno.test("alsoFailed() keeps the code and the cure of what failed first", () => {
  const first = new DreyError("TOOL_MISSING", { message: "Cannot run it", hint: "Install it" });
  const both = alsoFailed(first, new Error("Cannot remove it"));
  assertEquals(
    describeError(both),
    "Cannot run it; and it could not be undone: Cannot remove it. Install it",
  );
  assertEquals(both instanceof DreyError && both.code, "TOOL_MISSING");
});

Deno.test("describeError() tells what failed first, not that undoing it failed too", () => {
  const [later, first] = [new Error("Cannot remove"), new DreyError("TOOL_MISSING", { message: "Missing" })];
  assertEquals(describeError(new SuppressedError(later, first)), "Missing");
});

Deno.test("explained() knows a full disk and a read-only one by what Deno says of them", () => {
  const full = new Error("No space left on device (os error 28): mkdir '/pool/temporary/x'");
  const known = explained(full);
  assertEquals(known instanceof DreyError && known.code, "NO_SPACE");
  assertEquals(describeError(full), 'Cannot write "/pool/temporary/x": the disk is full');
  const fixed = new Error("Read-only file system (os error 30)");
  assertEquals(describeError(fixed), "Cannot write a file: its file system is read-only");
  const other = new Error("No such file or directory (os error 2): stat '/x'");
  assertEquals(explained(other), other);
});

Deno.test("a file that a typist named and nobody can open is one line, not a bug", async () => {
  const absent = await Deno.open("/nosuch/file").catch((error) => error);
  const known = explainedToTypist(absent);
  assertEquals(known instanceof DreyError && known.code, "NOT_FOUND");
  assertEquals(describeError(known), 'Cannot use "/nosuch/file": No such file or directory');
  const bug = new TypeError("x is not a function");
  assertEquals(explainedToTypist(bug), bug);
});
