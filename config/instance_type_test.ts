import { assertEquals, assertThrows } from "@std/testing";
import { DreyError } from "../errors.ts";
import { limitsOfSize } from "./instance_type.ts";

Deno.test("limitsOfSize() makes limits of processors and gigabytes, as LXD does", () => {
  assertEquals(limitsOfSize("c2-m4"), { "limits.cpu": "2", "limits.memory": "4096MB" });
  assertEquals(limitsOfSize("c3"), { "limits.cpu": "3" });
  assertEquals(limitsOfSize("m0.2"), { "limits.memory": "204MB" });
  assertEquals(limitsOfSize("c0.5-m0.2"), {
    "limits.cpu": "1",
    "limits.cpu.allowance": "50%",
    "limits.memory": "204MB",
  });
  assertEquals(limitsOfSize("c1.5"), { "limits.cpu": "2", "limits.cpu.allowance": "75%" });
});

Deno.test("limitsOfSize() knows no names of clouds", () => {
  for (const size of ["t2.micro", "aws:t2.micro", "", "c", "m", "-m2", "c2m4", "c2-"]) {
    assertThrows(() => limitsOfSize(size), DreyError, "size of an instance");
  }
});
