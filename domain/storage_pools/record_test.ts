import { assertEquals, assertRejects } from "@std/testing";
import { DreyError } from "../../errors.ts";
import { temporaryContext } from "../../tests/support/temporary_context.ts";
import { loadPool } from "./record.ts";

Deno.test("an instance of a drey that knew no storage pools is refused in one line", async () => {
  await using context = await temporaryContext();
  const error = await assertRejects(() => loadPool(context, undefined), DreyError, "knew no storage pools");
  assertEquals(error.code, "STATE_BROKEN");
});
