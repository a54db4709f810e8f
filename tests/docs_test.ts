import { assertEquals } from "@std/testing";
import { stalePages } from "./support/docs.ts";

Deno.test("the pages made from tables are what the tables say; deno task docs makes them anew", async () => {
  assertEquals(await stalePages(), []);
});
