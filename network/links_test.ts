import { assertEquals } from "@std/testing";
import { giveNicLines, takeNicLines } from "./host_nics.ts";
import { announceLines, bridgePortLines, vethLines, type VethPlan } from "./links.ts";

const veth: VethPlan = {
  hostName: "veth1",
  name: "eth0",
  hwaddr: "00:16:3e:00:00:01",
  mtu: 1500,
  bridge: "br0",
};

Deno.test("vethLines() lets large packets go one by one", () => {
  assertEquals(vethLines({ ...veth, mtu: 65_520 }, 7), [
    "link add veth1 mtu 65520 type veth peer name eth0 address 00:16:3e:00:00:01 mtu 65520 gso_max_segs 1 netns 7",
    "link set veth1 master br0",
    "link set veth1 up",
  ]);
  assertEquals(vethLines(veth, 7)[0]?.includes("gso_max_segs"), false);
});

Deno.test("bridgePortLines() takes a port out of the usual VLAN into its own", () => {
  assertEquals(bridgePortLines({ ...veth, vlans: { untagged: 5, tagged: [6, 7] } }), [
    "ip link set br0 type bridge vlan_filtering 1",
    "bridge vlan del dev veth1 vid 1",
    "bridge vlan add dev veth1 vid 5 pvid untagged",
    "bridge vlan add dev veth1 vid 6",
    "bridge vlan add dev veth1 vid 7",
  ]);
  assertEquals(bridgePortLines(veth), []);
});

Deno.test("giveNicLines() makes the VLAN's interface that a NIC is taken from, unless it is there", () => {
  const nic = { type: "macvlan", parent: "eth0", vlan: 9, name: "eth1", owner: "drey.nic" } as const;
  assertEquals(giveNicLines(nic, 7, "/run/x.ns"), [
    "[ -e /sys/class/net/eth0.9 ] || { ip link add link eth0 name eth0.9 type vlan id 9; ip link set eth0.9 alias drey.nic up; }",
    "ip link set eth0.9 up",
    "ip link add link eth0.9 name drey7 type macvlan mode bridge",
    "ip link set drey7 netns 7 name eth1 || { ip link delete drey7; exit 1; }",
  ]);
});

Deno.test("takeNicLines() gives the interface its old name, address and size back", () => {
  const nic = { type: "physical", parent: "eth0", name: "eth1", owner: "drey.nic" } as const;
  const before = { hwaddr: "00:16:3e:00:00:02", mtu: 1500 };
  const lines = takeNicLines(nic, before, { pid: 7, namespaceFile: "/run/x.ns" });
  assertEquals(lines.slice(2, 4), [
    "nsenter --net=/run/x.ns ip link set eth1 netns 7 name eth0",
    "ip link set eth0 address 00:16:3e:00:00:02 mtu 1500",
  ]);
});

Deno.test("a name is one word of a line of sh, whatever it holds", () => {
  const lines = announceLines({ parent: "eth0; reboot", addresses: ["192.0.2.1"] });
  assertEquals(lines, [
    "echo 1 >/proc/sys/net/ipv4/conf/'eth0; reboot'/forwarding",
    "ip neigh replace proxy 192.0.2.1 dev 'eth0; reboot'",
  ]);
});
