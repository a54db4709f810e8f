import { assert, assertEquals, assertMatch } from "@std/testing";
import { run, runChecked } from "../../sys/run.ts";
import { e2e } from "../support/drey.ts";
import { openNeighbor } from "../support/neighbor.ts";
import { eventually } from "../support/eventually.ts";

await e2e("root gives an instance an interface of the host, another on its wire, or its address on it", {
  needs: ["root", "network"],
}, async (drey) => {
  await using neighbor = await openNeighbor();
  const reaches = async (address: string) =>
    (await neighbor.run("busybox", "ping", "-c", "1", "-W", "2", address)).code === 0;
  const hwaddr = async () => /ether (\S+)/.exec((await run(["ip", "link", "show", "near0"])).stdout)?.[1];
  const before = await hwaddr();
  assert(before !== undefined);

  await drey`init tiny c1`;
  await drey`config device add c1 eth1 nic nictype=macvlan parent=near0 hwaddr=00:16:3e:00:00:01`;
  await drey`start c1`;
  await drey`exec c1 -- ip addr add 198.18.44.11/24 dev eth1`;
  await eventually("a macvlan is on the wire", () => reaches("198.18.44.11"));
  assertMatch(await drey`exec c1 -- ip link show eth1`, /00:16:3e:00:00:01/);
  await drey`config device remove c1 eth1`;
  assertEquals((await drey.tries`exec c1 -- ip link show eth1`).code, 1, "and is gone when unplugged");

  await drey`config device add c1 eth1 nic nictype=physical parent=near0 mtu=1400`;
  assertEquals(await hwaddr(), undefined, "the host has it no more");
  await drey`exec c1 -- ip addr add 198.18.44.12/24 dev eth1`;
  await eventually("the interface itself works in the instance", () => reaches("198.18.44.12"));
  await drey`stop -f c1`;
  await eventually("it comes back as it was when the instance ends", async () => {
    return await hwaddr() === before && /mtu 1500/.test((await run(["ip", "link", "show", "near0"])).stdout);
  });
  await runChecked(["sh", "-ec", "ip addr add 198.18.44.7/24 dev near0; ip link set near0 up"]);
  await drey`network create wire --type macvlan parent=near0`;
  await drey`config device remove c1 eth1`;
  await drey`config device add c1 eth1 nic network=wire`;
  await drey`start c1`;
  await drey`exec c1 -- ip addr add 198.18.44.13/24 dev eth1`;
  await eventually("so does a network of type macvlan", () => reaches("198.18.44.13"));
  await drey`delete -f c1`;

  await drey`init tiny c2`;
  await drey`config device add c2 eth0 nic nictype=routed parent=near0 ipv4.address=198.18.44.14`;
  await drey`start c2`;
  await eventually("a routed NIC is found through its parent", () => reaches("198.18.44.14"));
  await drey`delete -f c2`;
  assertEquals((await run(["ip", "neigh", "show", "proxy", "dev", "near0"])).stdout, "");
  await drey`init tiny c4`;
  await drey`config device add c4 eth0 nic nictype=routed parent=near0 ipv4.address=198.18.44.8`;
  const answered = await drey.tries`start c4`;
  assertMatch(answered.stderr, /"198\.18\.44\.8" is in use on the network of "near0"/);
  await drey`config device set c4 eth0 ipv4.neighbor_probe=false`;
  await drey`start c4`;
  await drey`delete -f c4`;
  const stray = await drey.tries`init tiny c3 --network wire -d eth0,limits.egress=1Mbit`;
  assertMatch(stray.stderr, /"limits\.egress" is not for a NIC on a network of type macvlan/);
  await drey`init tiny c5`;
  const functions = await drey.tries`config device add c5 eth0 nic nictype=sriov parent=near0`;
  assertMatch(functions.stderr, /"near0" has no virtual functions/);
  const absent = await drey.tries`init tiny c3 -d eth0,nictype=macvlan -d eth0,parent=nowhere0`;
  assertMatch(absent.stderr, /nowhere0|network/);
});

await e2e("root's bridges reach others by a tunnel", { needs: ["root", "network"] }, async (drey) => {
  await using neighbor = await openNeighbor();
  const far = await neighbor.run(
    "sh",
    "-ec",
    "ip link add vx0 type vxlan id 7 local 198.18.44.8 remote 198.18.44.7 dstport 4790; ip link set vx0 up; " +
      "ip addr add 10.129.7.8/24 dev vx0",
  );
  assertEquals(far.code, 0, far.stderr);
  const ends = ["tunnel.t.local=198.18.44.7", "tunnel.t.remote=198.18.44.8"];
  await drey`network create lab ipv4.address=10.129.7.1/24 ipv6.address=none tunnel.t.protocol=vxlan tunnel.t.id=7 tunnel.t.port=4790 ${ends}`;
  await drey`launch tiny c1 --network lab`;
  await drey`exec c1 -- ip addr add 10.129.7.5/24 dev eth0`;
  const reaches = async () =>
    (await neighbor.run("busybox", "ping", "-c", "1", "-W", "2", "10.129.7.5")).code === 0;
  await eventually("the other side is on the same network", reaches);
  assertMatch(await drey`exec c1 -- ip link show eth0`, /mtu 1400/);
  await drey`network unset lab tunnel.t.protocol`.then(() => assert(false), () => {});
  for (const field of ["id", "port", "local", "remote"]) {
    const wrong = await drey.tries`network set lab tunnel.t.${field}=wrong`;
    assertMatch(wrong.stderr, /Invalid value for network/);
  }
  await drey`delete -f c1`;
});

await e2e("a user has no part in the host's interfaces, and is told so", {
  needs: ["user", "subids", "network"],
}, async (drey) => {
  await drey`init tiny c1`;
  for (const type of ["macvlan", "physical", "routed", "ipvlan", "sriov"]) {
    const address = type === "routed" ? ["ipv4.address=198.18.44.9"] : [];
    const { code, stderr } = await drey
      .tries`config device add c1 eth0 nic nictype=${type} parent=lo ${address}`;
    assertEquals(code, 1, type);
    assertMatch(stderr, /only root may use the host's interface "lo"/);
  }
  const tunnel = await drey
    .tries`network create lab tunnel.a.protocol=gre tunnel.a.local=198.18.44.1 tunnel.a.remote=198.18.44.2`;
  assertMatch(tunnel.stderr, /user's networks have no part in the host's interfaces/);
  await drey`delete c1`;
});
