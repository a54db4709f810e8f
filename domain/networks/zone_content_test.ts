import { assertEquals } from "@std/testing";
import type { NetworkLease } from "../../wire/network.ts";
import { entriesOf, reverseName } from "./zone_content.ts";

const lease: NetworkLease = {
  hostname: "c1",
  hwaddr: "00:16:3e:00:00:01",
  address: "10.0.0.5",
  type: "dynamic",
  location: "none",
  project: "default",
};

Deno.test("reverseName() turns addresses of both families around", () => {
  assertEquals(reverseName("10.0.0.5"), "5.0.0.10.in-addr.arpa");
  assertEquals(reverseName("fd42::1"), `1.${"0.".repeat(27)}2.4.d.f.ip6.arpa`);
});

Deno.test("entriesOf() names instances of other projects with theirs", () => {
  const where = { kind: "forward", zone: "lab.example", forward: "lab.example" } as const;
  assertEquals(entriesOf({ ...lease, project: "web" }, where).map(({ name }) => name), ["c1-web"]);
  assertEquals(entriesOf({ ...lease, address: "fd42::5" }, where).map(({ type }) => type), ["AAAA"]);
});

Deno.test("entriesOf() has in a reverse zone what is in its subnet, and has a name", () => {
  const where = { kind: 4, zone: "0.0.10.in-addr.arpa", forward: "lab.example" } as const;
  assertEquals(entriesOf(lease, where), [{ name: "5", type: "PTR", ttl: 300, value: "c1.lab.example." }]);
  assertEquals(entriesOf({ ...lease, address: "10.1.0.5" }, where), []);
  assertEquals(entriesOf({ ...lease, address: "fd42::5" }, where), []);
  assertEquals(entriesOf(lease, { ...where, forward: undefined }), []);
  assertEquals(entriesOf({ ...lease, hostname: "" }, where), []);
});
