import { assertEquals, assertThrows } from "@std/testing";
import { readTunnels } from "./tunnels.ts";

Deno.test("readTunnels() reads tunnels with both ends, and those that find each other", () => {
  const config = {
    "tunnel.a.protocol": "gre",
    "tunnel.a.local": "192.0.2.1",
    "tunnel.a.remote": "192.0.2.2",
    "tunnel.b.protocol": "vxlan",
    "tunnel.b.id": "10",
    "ipv4.address": "none",
  };
  assertEquals(readTunnels(config), [
    {
      name: "a",
      protocol: "gre",
      ends: { local: "192.0.2.1", remote: "192.0.2.2" },
      id: 1,
      group: "239.0.0.1",
      ttl: 1,
    },
    { name: "b", protocol: "vxlan", id: 10, group: "239.0.0.1", ttl: 1 },
  ]);
});

for (
  const [what, config] of Object.entries<Record<string, string>>({
    "without a protocol": { "tunnel.a.id": "1" },
    "with one end": { "tunnel.a.protocol": "vxlan", "tunnel.a.local": "192.0.2.1" },
    "of gre without ends": { "tunnel.a.protocol": "gre" },
    "with an unknown field": { "tunnel.a.protocol": "vxlan", "tunnel.a.colour": "red" },
    "with words for its interface": { "tunnel.a.protocol": "vxlan", "tunnel.a.interface": "a b" },
    "with a name that fits no interface": { "tunnel.averylongname.protocol": "vxlan" },
  })
) Deno.test(`readTunnels() refuses a tunnel ${what}`, () => void assertThrows(() => readTunnels(config)));
