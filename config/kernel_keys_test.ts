import { assertEquals } from "@std/testing";
import { sysctlPath } from "./kernel_keys.ts";
import { rlimit } from "./types.ts";

Deno.test("sysctlPath() leads to a file below /proc/sys and nowhere else", () => {
  const path = (name: string) => sysctlPath(`linux.sysctl.${name}`);
  assertEquals(path("net.ipv4.ip_forward"), "net/ipv4/ip_forward");
  assertEquals(path("net/ipv4/conf/eth0.100/forwarding"), "net/ipv4/conf/eth0.100/forwarding");
  for (const name of ["", "net..x", "../x", "net/../../x", "net/ipv4/", "/net/x", "net.x\n", "a b"]) {
    assertEquals(path(name), undefined, name);
  }
});

Deno.test("a limit of the kernel is a number, two, or none at all", () => {
  const parsed = (text: string) => rlimit.parse(text);
  assertEquals(parsed("1024"), { value: { soft: 1024, hard: 1024 } });
  assertEquals(parsed("1024:unlimited"), { value: { soft: 1024, hard: Infinity } });
  assertEquals(parsed("unlimited"), { value: { soft: Infinity, hard: Infinity } });
  for (const text of ["", "x", "-1", "1:", "2:1", "1:2:3", "99999999999999999999"]) {
    assertEquals("problem" in parsed(text), true, text);
  }
});
