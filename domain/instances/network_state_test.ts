import { assert, assertEquals } from "@std/testing";
import { ipv4Addresses } from "./network_state.ts";

const trie = `Main:
  +-- 0.0.0.0/1 2 0 2
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 10.206.52.0/24 2 1 2
        |-- 10.206.52.58
           /32 host LOCAL
        |-- 10.206.52.255
           /32 link BROADCAST
     |-- 127.0.0.1
        /32 host LOCAL
     |-- 10.9.9.9
        /32 host LOCAL
`;
const routes = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0134CE0A\t0003\t0\t0\t1024\t00000000\t0\t0\t0
eth0\t0034CE0A\t00000000\t0001\t0\t0\t1024\t00FFFFFF\t0\t0\t0
`;

Deno.test("an address belongs to the interface that leads to its subnet", () => {
  const found = ipv4Addresses(trie, routes, {});
  assertEquals(found.get("eth0"), [
    { family: "inet", address: "10.206.52.58", netmask: "24", scope: "global" },
  ]);
  assertEquals(found.get("lo"), [{ family: "inet", address: "127.0.0.1", netmask: "8", scope: "local" }]);
});

Deno.test("an address of no subnet is that of the only interface", () => {
  const found = ipv4Addresses(trie, routes, { only: "eth0" });
  assertEquals(found.get("eth0")?.map(({ address, netmask }) => `${address}/${netmask}`), [
    "10.206.52.58/24",
    "10.9.9.9/32",
  ]);
});

Deno.test("an instance that gives itself very many addresses holds nobody up", () => {
  const at = (index: number) => [10, index >> 8, index & 0xff] as const;
  const hex = (byte: number) => byte.toString(16).toUpperCase().padStart(2, "0");
  const many = Array.from({ length: 20_000 }, (_, index) => at(index));
  const tries = many.map(([a, b, c]) => `     |-- ${a}.${b}.${c}.1\n        /32 host LOCAL\n`).join("");
  const lines = many.map(([a, b, c]) =>
    `eth0\t00${hex(c)}${hex(b)}${hex(a)}\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n`
  );
  const start = performance.now();
  const found = ipv4Addresses(tries, `Iface\n${lines.join("")}`, {}).get("eth0") ?? [];
  assertEquals([found.length, found.at(-1)?.address, found.at(-1)?.netmask], [20_000, "10.78.31.1", "24"]);
  assert(performance.now() - start < 5_000, "each address is compared with each subnet");
});
