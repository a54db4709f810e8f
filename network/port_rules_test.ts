import { assertEquals } from "@std/testing";
import { parseSubnet } from "../config/address.ts";
import { hairpinRules, type PortRule, portRules } from "./port_rules.ts";

const rules: PortRule[] = [
  { listen: "192.0.2.5", target: { address: "10.0.0.9" } },
  { listen: { any: 4 }, port: { protocol: "udp", number: 53 }, target: { address: "10.0.0.5", port: 53 } },
  { listen: "fd00::5", port: { protocol: "tcp", number: 80 }, target: { address: "fd42::5", port: 8080 } },
];

Deno.test("portRules() puts the rules of single ports before those of a whole address", () => {
  assertEquals(portRules(rules), [
    "ip6 daddr fd00::5 tcp dport 80 dnat ip6 to [fd42::5]:8080",
    "ip daddr != 127.0.0.0/8 fib daddr type local udp dport 53 dnat ip to 10.0.0.5:53",
    "ip daddr 192.0.2.5 dnat ip to 10.0.0.9",
  ]);
});

Deno.test("hairpinRules() lets a network meet itself by the machine's address, for families that are led", () => {
  const subnets = ["10.0.0.1/24", "fd42::1/64"].map((text) => parseSubnet(text)!);
  assertEquals(hairpinRules(rules.slice(0, 1), subnets), [
    "ct status dnat ip saddr 10.0.0.0/24 ip daddr 10.0.0.0/24 masquerade",
  ]);
  assertEquals(hairpinRules([], subnets), []);
});
