// What root makes of the host's interfaces: networks, ports of bridges, VLANs, addresses beside its own.

import { assertEquals, assertMatch } from "@std/testing";
import { run, runChecked } from "../../sys/run.ts";
import { e2e } from "../support/drey.ts";
import { type Neighbor, openNeighbor } from "../support/neighbor.ts";
import { eventually } from "../support/eventually.ts";

const pings = async (neighbor: Neighbor, address: string) =>
  (await neighbor.run("busybox", "ping", "-c", "1", "-W", "2", address)).code === 0;
const masterOf = async (link: string) =>
  (JSON.parse(await runChecked(["ip", "-json", "link", "show", "dev", link])) as { master?: string }[])[0]
    ?.master;

await e2e("an interface of the host is a network of its own, or a port of a bridge", {
  needs: ["root", "network"],
}, async (drey) => {
  await using neighbor = await openNeighbor();
  await drey`network create wire --type physical parent=near0 mtu=1400`;
  await drey`launch tiny c1 --network wire`;
  await drey`exec c1 -- ip addr add 198.18.44.31/24 dev eth0`;
  await eventually("the instance is on the wire", () => pings(neighbor, "198.18.44.31"));
  assertMatch(await drey`exec c1 -- ip link show eth0`, /mtu 1400/);
  assertMatch(await drey`network show wire`, /\/1\.0\/instances\/c1/);
  assertMatch((await drey.tries`network delete wire`).stderr, /in use/);
  const absent = await drey.tries`init tiny c2 --network wire`;
  assertMatch(absent.stderr, /no interface "near0"/, "it is the first one's");
  const uplink = await drey.tries`network set wire ipv4.gateway=198.18.44.1/24`;
  assertMatch(uplink.stderr, /is for networks of type ovn/);
  await drey`delete -f c1`;
  await drey`network delete wire`;

  await drey`network create lab ipv4.address=198.18.46.1/24 ipv6.address=none bridge.external_interfaces=near0`;
  await drey`launch tiny c3 --network lab`;
  assertEquals(await masterOf("near0"), "lab");
  await drey`exec c3 -- ip addr add 198.18.44.33/24 dev eth0`;
  await eventually("a bridge reaches as far as its ports", () => pings(neighbor, "198.18.44.33"));
  await drey`network unset lab bridge.external_interfaces`;
  assertEquals(await masterOf("near0"), undefined);
  await drey`network set lab bridge.external_interfaces=near0`;
  assertEquals(await masterOf("near0"), "lab");
  // somebody else removes it: with the next change it is there again, and whoever was plugged in is
  await runChecked(["ip", "link", "delete", "lab"]);
  await drey`network set lab user.note=again`;
  assertEquals(await masterOf("near0"), "lab");
  await drey`exec c3 -- ip addr add 198.18.44.34/24 dev eth0`;
  await eventually("it reaches its instances too", () => pings(neighbor, "198.18.44.34"));
  await drey`delete -f c3`;
  await drey`network delete lab`;
  assertEquals(await masterOf("near0"), undefined, "with the bridge its ports are free again");
});

await e2e("an instance shares the address of the host's interface, with others of its own above it", {
  needs: ["root", "network", "ipvlan"],
}, async (drey) => {
  await using neighbor = await openNeighbor();
  await drey`init tiny c1`;
  await drey`config device add c1 eth0 nic nictype=ipvlan parent=near0 ipv4.address=198.18.44.21,198.18.44.22`;
  await drey`start c1`;
  for (const address of ["198.18.44.21", "198.18.44.22"]) {
    await eventually(`${address} answers`, () => pings(neighbor, address));
  }
  assertMatch(await drey`exec c1 -- ip route`, /^default dev eth0/m);
  await drey`stop -f c1`;
  assertEquals((await run(["ip", "neigh", "show", "proxy", "dev", "near0"])).stdout, "");
  assertEquals((await run(["ip", "route", "show", "dev", "lo"])).stdout, "");
  await drey`config device set c1 eth0 mode=l2 ipv4.address=198.18.44.23/24 ipv4.gateway=198.18.44.8`;
  await drey`start c1`;
  await eventually("in mode l2 it is on the wire itself", () => pings(neighbor, "198.18.44.23"));
  assertMatch(await drey`exec c1 -- ip route`, /^default via 198\.18\.44\.8 dev eth0/m);
  await drey`config device remove c1 eth0`;
  assertEquals((await drey.tries`exec c1 -- ip link show eth0`).code, 1);
  await drey`delete -f c1`;
});

await e2e("NICs are in a VLAN of the host's interface, which is there as long as one of them is", {
  needs: ["root", "network", "vlan"],
}, async (drey) => {
  await using neighbor = await openNeighbor();
  const far = "ip link add link far0 name far0.5 type vlan id 5; ip addr add 198.18.45.8/24 dev far0.5; " +
    "ip link set far0.5 up";
  assertEquals((await neighbor.run("sh", "-ec", far)).code, 0);
  const isThere = async () => (await run(["ip", "link", "show", "dev", "near0.5"])).code === 0;
  await drey`init tiny c1`;
  await drey`config device add c1 eth0 nic nictype=macvlan parent=near0 vlan=5 gvrp=true`;
  await drey`start c1`;
  assertMatch((await run(["ip", "-details", "link", "show", "dev", "near0.5"])).stdout, /GVRP/);
  await drey`exec c1 -- ip addr add 198.18.45.11/24 dev eth0`;
  await eventually("a macvlan is in the VLAN", () => pings(neighbor, "198.18.45.11"));
  await drey`init tiny c2`;
  await drey`config device add c2 eth0 nic nictype=routed parent=near0 vlan=5 ipv4.address=198.18.45.12`;
  await runChecked(["ip", "addr", "add", "198.18.45.7/24", "dev", "near0.5"]);
  await drey`start c2`;
  await eventually("a routed NIC is found there", () => pings(neighbor, "198.18.45.12"));
  await drey`delete -f c1`;
  assertEquals(await isThere(), true, "one is left");
  await drey`delete -f c2`;
  assertEquals(await isThere(), false);
  await drey`network create five --type physical parent=near0 vlan=5`;
  await drey`launch tiny c3 --network five`;
  await drey`exec c3 -- ip addr add 198.18.45.13/24 dev eth0`;
  await eventually("the VLAN itself is given away", () => pings(neighbor, "198.18.45.13"));
  await drey`delete -f c3`;
  assertEquals(await isThere(), false);
});

await e2e("root's bridges reach others by a tunnel of gre", {
  needs: ["root", "network", "gretap"],
}, async (drey) => {
  await using neighbor = await openNeighbor();
  const far = "ip link add gt0 type gretap local 198.18.44.8 remote 198.18.44.7; ip link set gt0 up; " +
    "ip addr add 10.129.8.8/24 dev gt0";
  assertEquals((await neighbor.run("sh", "-ec", far)).code, 0);
  const ends = ["tunnel.g.local=198.18.44.7", "tunnel.g.remote=198.18.44.8"];
  await drey`network create lab ipv4.address=10.129.8.1/24 ipv6.address=none tunnel.g.protocol=gre ${ends}`;
  await drey`launch tiny c1 --network lab`;
  await drey`exec c1 -- ip addr add 10.129.8.5/24 dev eth0`;
  await eventually("the other side is on the same network", () => pings(neighbor, "10.129.8.5"));
  await drey`delete -f c1`;
});
