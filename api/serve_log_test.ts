import { assertEquals } from "@std/testing";
import { type Level, logLostErrors } from "./serve_log.ts";

Deno.test("an error that nobody waited for is logged, and the server goes on", async () => {
  const logged = Promise.withResolvers<[Level, string, unknown]>();
  logLostErrors((level, message, words) => logged.resolve([level, message, words?.["error"]]));
  void Promise.reject("lost");
  assertEquals(await logged.promise, ["error", "Lost error", "lost"]);
});

Deno.test("an error thrown in a callback is logged, and the server goes on", async () => {
  const logged = Promise.withResolvers<unknown>();
  logLostErrors((_level, _message, words) => logged.resolve(words?.["error"]));
  setTimeout(() => {
    throw "thrown";
  });
  assertEquals(await logged.promise, "thrown");
});
