import { assert, assertEquals, assertMatch } from "@std/testing";
import { e2e } from "../support/drey.ts";
import { serve } from "../support/server.ts";
import { runChecked } from "../../sys/run.ts";
import { eventually } from "../support/eventually.ts";
import { dhcp, hubProcesses, ipv4Of, pings, reaches } from "../support/network.ts";

await e2e("a routed NIC has its addresses from the start, and reaches others by the router's", {
  needs: ["subids", "network", "lxc"],
}, async (drey) => {
  await using server = await serve(drey);
  await server.lxc("network", "create", "lab", "ipv4.address=10.131.0.1/24", "ipv6.address=fd42:131::1/64");
  await drey`launch tiny c1 --network lab`;
  await dhcp(drey, "c1");
  await server.lxc("init", "tiny", "c2");
  const routed = ["nictype=routed", "ipv4.address=10.131.9.2,10.131.9.3", "ipv6.address=fd42:1319::2"];
  await server.lxc("config", "device", "add", "c2", "eth0", "nic", ...routed);
  await server.lxc("start", "c2");
  assertMatch(await drey`exec c2 -- ip -4 addr show eth0`, /10\.131\.9\.2\/32[\s\S]*10\.131\.9\.3\/32/);
  assertMatch(await drey`exec c2 -- ip -6 addr show eth0`, /fd42:1319::2\/128/);
  assertMatch(await drey`exec c2 -- ip route`, /default via 169\.254\.0\.1 dev eth0/);
  assertMatch(await drey`exec c2 -- ip -6 route`, /default via fe80::1 dev eth0/);
  await reaches(drey, "c2", "169.254.0.1");
  await reaches(drey, "c2", await ipv4Of(drey, "c1"));
  await reaches(drey, "c1", "10.131.9.3");
  await server.lxc("stop", "-f", "c2");
  await server.lxc("config", "device", "set", "c2", "eth0", "ipv4.gateway=none");
  await server.lxc("start", "c2");
  assertEquals(await drey`exec c2 -- ip route show default`, "", "without a gateway there is no way out");
  assertMatch(await drey`exec c2 -- ip -6 route show default`, /via fe80::1/);
  const sink = drey.spawn(["exec", "c1", "--", "socat", "TCP-LISTEN:9,fork,reuseaddr", "EXEC:wc -c"]);
  const line = `head -c 1000000 /dev/zero | socat -t60 - TCP:${await ipv4Of(
    drey,
    "c1",
  )}:9,retry=300,interval=0.1`;
  await drey`config device set c2 eth0 ipv4.gateway=auto`;
  await drey`restart -f c2`;
  await drey`exec c2 -- sh -c ${line}`;
  await drey`config device set c2 eth0 limits.egress=2Mbit`;
  const start = Date.now();
  await drey`exec c2 -- sh -c ${line}`;
  assert(Date.now() - start > 1800, "a limit holds, of which a second may be used at once");
  await drey`delete -f c1 c2`;
  await sink.status;
});

await e2e("a NIC from point to point leads the subnets behind it", {
  needs: ["subids", "network"],
}, async (drey) => {
  await drey`network create lab ipv4.address=10.132.0.1/24 ipv6.address=none`;
  await drey`launch tiny c1 --network lab`;
  await dhcp(drey, "c1");
  await drey`init tiny c2`;
  await drey`config device add c2 eth0 nic nictype=p2p ipv4.routes=10.132.9.0/24`;
  await drey`start c2`;
  assertMatch(await drey`exec c2 -- ip -br link show eth0`, /UP/);
  await drey`exec c2 -- sh -c ${"ip addr add 10.132.9.2/32 dev eth0 && ip route add default via 10.132.0.1 dev eth0 onlink"}`;
  await reaches(drey, "c1", "10.132.9.2");
  await drey`delete -f c1 c2`;
});

await e2e("IPv6 packets with a forged address go no further than the cable", {
  needs: ["subids", "network"],
}, async (drey) => {
  await drey`network create lab ipv4.address=none ipv6.address=fd42:133::1/64`;
  await drey`launch tiny c1 --network lab -d eth0,security.ipv6_filtering=true`;
  await drey`launch tiny c2 --network lab`;
  const own = async (name: string) => {
    const said = await drey`exec ${name} -- ip -6 -br addr show dev eth0`;
    return /fd42:133::[0-9a-f:]+|fd42:133:0:0:[0-9a-f:]+/.exec(said)?.[0];
  };
  await eventually("both have addresses", async () => Boolean(await own("c1") && await own("c2")));
  const [first = "", target = ""] = [await own("c1"), await own("c2")];
  await eventually("its own address passes", () => pings(drey, "c1", target));
  await drey`exec c1 -- ip addr add fd42:133::bad/64 dev eth0 nodad`;
  const forged = ["exec", "c1", "--", "busybox", "ping", "-I", "fd42:133::bad", "-c", "1", "-W", "1", target];
  assertEquals((await drey.run(forged)).code, 1);
  await reaches(drey, "c2", first);
  assertEquals(await pings(drey, "c2", "fd42:133::bad"), false, "nobody finds it at one that is not its own");
  await drey`delete -f c1 c2`;
});

await e2e("what a NIC sends has its priority, and another one when that changes", {
  needs: ["subids", "network"],
}, async (drey) => {
  await drey`network create lab ipv4.address=10.134.0.1/24 ipv6.address=none`;
  await drey`launch tiny c1 --network lab -d eth0,limits.priority=65543`;
  await dhcp(drey, "c1");
  const keeper = hubProcesses(drey).find(({ argv }) => argv.startsWith("sleep infinity"));
  const hub = keeper === undefined
    ? []
    : ["nsenter", "-t", String(keeper.pid), "-U", "-n", "--preserve-credentials"];
  const count = "add table inet probe\nadd chain inet probe seen { type filter hook input priority 10; }\n" +
    ["1:7", "0:9"].map((class_) => `add rule inet probe seen meta priority ${class_} counter\n`).join("");
  await runChecked([...hub, "nft", count]);
  const counted = async () => {
    const said = await runChecked([...hub, "nft", "list", "chain", "inet", "probe", "seen"]);
    return [...said.matchAll(/packets (\d+)/g)].map(([, packets]) => Number(packets) > 0);
  };
  await reaches(drey, "c1", "10.134.0.1");
  assertEquals(await counted(), [true, false]);
  await drey`config device set c1 eth0 limits.priority=9`;
  await reaches(drey, "c1", "10.134.0.1");
  assertEquals(await counted(), [true, true]);
  await runChecked([...hub, "nft", "delete", "table", "inet", "probe"]);
  await drey`delete -f c1`;
});

await e2e("a change of a profile reaches the instances that run with it", {
  needs: ["subids", "network"],
}, async (drey) => {
  await drey`network create lab ipv4.address=10.139.0.1/24 ipv6.address=none`;
  await drey`network create other ipv4.address=10.140.0.1/24 ipv6.address=none`;
  await drey`profile create net`;
  await drey`profile device add net eth0 nic network=lab name=eth0`;
  await drey`launch tiny c1 -p default -p net`;
  await drey`init tiny c2 -p default -p net`;
  await dhcp(drey, "c1");
  assertMatch(await ipv4Of(drey, "c1"), /^10\.139\./);
  await drey`profile device set net eth0 network=other`;
  await dhcp(drey, "c1");
  assertMatch(await ipv4Of(drey, "c1"), /^10\.140\./, "another NIC is in its place");
  await drey`profile device add net eth1 nic network=lab name=eth1`;
  assertMatch(await drey`exec c1 -- ip -br link show eth1`, /UP/);
  await drey`profile device remove net eth1`;
  assertEquals((await drey.tries`exec c1 -- ip link show eth1`).code, 1);
  assertMatch(await drey`query /1.0/instances/c2`, /"status": ?"Stopped"/);
  await drey`delete -f c1 c2`;
  await drey`profile delete net`; // or its network could not be deleted
});

await e2e("an instance that is launched without a network has none, and no hub starts for it", {
  needs: ["subids", "network"],
}, async (drey) => {
  await drey`launch tiny c1 --network none`;
  assertEquals((await drey`exec c1 -- ls /sys/class/net`).trim(), "lo");
  assertEquals([...Deno.readDirSync(`${drey.directory}/run`)].some(({ name }) => name === "network"), false);
  await drey`delete -f c1`;
});

await e2e("an instance that is launched with the host's network is in it, and has no power over it", {
  needs: ["subids", "network"],
}, async (drey) => {
  await drey`launch tiny c1 --network host`;
  assertEquals(
    (await drey`exec c1 -- readlink /proc/self/ns/net`).trim(),
    Deno.readLinkSync("/proc/self/ns/net"),
  );
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const accepted = listener.accept().then(async (connection) => {
    await connection.write(new TextEncoder().encode("from the host"));
    connection.close();
  });
  assertEquals(await drey`exec c1 -- socat -u TCP:127.0.0.1:${port} -`, "from the host");
  await accepted;
  assert((await drey.tries`exec c1 -- ip link set lo down`).code !== 0, "the interfaces are the host's");
  assertEquals((await drey.tries`exec c1 -- ip addr add 198.18.44.99/32 dev lo`).code === 0, false);
  assert((await drey`exec c1 -- ls /sys/class/net`).split("\n").includes("lo"));
  const live = await drey.tries`config device remove c1 eth0`;
  assertMatch(live.stderr, /from its start on/);
  assertEquals([...Deno.readDirSync(`${drey.directory}/run`)].some(({ name }) => name === "network"), false);
  await drey`stop -f c1`;
  await drey`config device add c1 eth1 nic network=dreybr0`;
  assertMatch((await drey.tries`start c1`).stderr, /has no place for "eth1"/);
  await drey`config device remove c1 eth0`;
  await drey`delete c1`;
});
