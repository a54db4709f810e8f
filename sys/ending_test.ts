import { assertEquals, assertRejects } from "@std/testing";
import { endingOf } from "./ending.ts";

Deno.test("endingOf() gives what comes before the end, and after it nothing", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const never = new Promise<string>(() => {});
  const ending = endingOf(promise);
  assertEquals(await ending.before(Promise.resolve("a")), "a");
  await assertRejects(() => ending.before(Promise.reject(new Error("b"))), Error, "b");
  const waiting = [ending.before(never), ending.before(never)];
  assertEquals(ending.isOver, false);
  resolve();
  assertEquals(await Promise.all(waiting), [undefined, undefined]);
  assertEquals(ending.isOver, true);
  assertEquals(await ending.before(never), undefined);
  // nobody hears of it, which is no error that was lost
  assertEquals(await ending.before(Promise.reject(new Error("late"))), undefined);
});

Deno.test("endingOf() takes a rejection for an end", async () => {
  const ending = endingOf(Promise.reject(new Error("gone")));
  assertEquals(await ending.before(new Promise(() => {})), undefined);
});
