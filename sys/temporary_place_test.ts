import { assertEquals, assertRejects } from "@std/testing";
import { DreyError } from "../errors.ts";
import { inTemporaryPlace } from "./temporary_place.ts";

Deno.test("a place for temporary files that takes none is named, with how to choose another", async () => {
  const before = Deno.env.get("TMPDIR");
  const place = `${await Deno.makeTempDir()}/missing`;
  Deno.env.set("TMPDIR", place);
  try {
    const error = await assertRejects(() => inTemporaryPlace(() => Deno.makeTempFile()), DreyError);
    assertEquals(
      error.message,
      `Cannot write in "${place}", the directory for temporary files: there is none`,
    );
    assertEquals(error.hint, "Choose another one: TMPDIR=DIRECTORY drey ...");
  } finally {
    if (before === undefined) Deno.env.delete("TMPDIR");
    else Deno.env.set("TMPDIR", before);
  }
  const full = () => Promise.reject(new Error("No space left on device (os error 28): writefile '/tmp/x'"));
  await assertRejects(() => inTemporaryPlace(full), DreyError, "temporary files: it is full");
});
