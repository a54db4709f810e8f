// Which of the host's processors a machine's are told to run on.

import { assertEquals } from "@std/testing";
import { pinLines } from "./processors.ts";

const processors = [{ "cpu-index": 1, "thread-id": 31 }, { "cpu-index": 0, "thread-id": 30 }];

Deno.test("each processor has one of the host's, or any", () => {
  assertEquals(pinLines(processors, { each: [2, 5] }), [["pin", "30", "2"], ["pin", "31", "5"]]);
  assertEquals(pinLines(processors, { each: [3] }), [["pin", "30", "3"], ["pin", "31", "3"]]);
  assertEquals(pinLines(processors, { all: [0, 1] }), [["pin", "30", "0", "1"], ["pin", "31", "0", "1"]]);
});
