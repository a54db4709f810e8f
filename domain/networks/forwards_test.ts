import { assertEquals } from "@std/testing";
import { networkOfRelay } from "./forwards.ts";

Deno.test("a relay belongs to its network, not to one whose name begins like it, nor to an instance", () => {
  assertEquals(networkOfRelay("net.lan.forwards.127.0.0.1"), "lan");
  assertEquals(networkOfRelay("net.lan.10.load-balancers.127.0.0.1"), "lan.10");
  assertEquals(networkOfRelay("net.lan.forwards.fd00%3A%3A1"), "lan");
  // proxy devices of instances that are called like this
  assertEquals(networkOfRelay("net.web"), undefined);
  assertEquals(networkOfRelay("project_net.web"), undefined);
});
