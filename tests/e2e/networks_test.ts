import { assert, assertEquals, assertMatch } from "@std/testing";
import { run } from "../../sys/run.ts";
import { e2e } from "../support/drey.ts";
import { serve } from "../support/server.ts";
import { eventually } from "../support/eventually.ts";
import { dhcp, hubProcesses, ipv4Of, pings, reaches, routesOf, udhcpc } from "../support/network.ts";

await e2e("instances get addresses and reach each other by name, no question asked", {
  needs: ["subids", "network"],
}, async (drey) => {
  await drey`launch tiny c1`;
  await drey`launch tiny c2`;
  await dhcp(drey, "c1", "c2");
  assert(await ipv4Of(drey, "c1") !== await ipv4Of(drey, "c2"));
  await reaches(drey, "c1", "c2");
  await reaches(drey, "c2", "c1.drey");
  const [network] = JSON.parse(await drey`network list --format json`).filter((one: { managed: boolean }) =>
    one.managed
  );
  assertEquals(network.name, "dreybr0");
  assertEquals(network.used_by, ["/1.0/instances/c1", "/1.0/instances/c2", "/1.0/profiles/default"]);
  const leases = await drey`network list-leases dreybr0 --format csv`;
  assert(leases.includes(await ipv4Of(drey, "c1")) && leases.includes("dreybr0.gw"), leases);
  assertMatch(await drey`list --format csv -c 4`, /^\d+\.\d+\.\d+\.\d+ \(eth0\)$/m);
  const gone = await ipv4Of(drey, "c2");
  assert(leases.includes(`,${gone},`), leases);
  // another one uses the network still
  await drey`delete -f c2`;
  await eventually("the address of an instance that is gone is given back", async () => {
    const left = await drey`network list-leases dreybr0 --format csv`;
    return left.includes("c1,") && !left.includes(`,${gone},`);
  });
});

await e2e("an instance keeps its MAC address, and the hub ends with the last NIC", {
  needs: ["subids", "network"],
}, async (drey) => {
  await drey`launch tiny c1`;
  const hwaddr = await drey`config get c1 volatile.eth0.hwaddr`;
  assertMatch(hwaddr, /^00:16:3e:/);
  assert(hubProcesses(drey).some(({ argv }) => argv.startsWith("dnsmasq")));
  assertMatch(await drey`config get c1 volatile.eth0.host_name`, /^veth/);
  await drey`stop -f c1`;
  assertEquals(await drey`config get c1 volatile.eth0.host_name`, "\n");
  assertMatch(
    (await drey.tries`config set c1 volatile.lost=1`).stderr,
    /Unknown configuration key: volatile.lost/,
  );
  assertEquals([...Deno.readDirSync(`${drey.directory}/run`)].some(({ name }) => name === "network"), false);
  await drey`start c1`;
  assertEquals(await drey`config get c1 volatile.eth0.hwaddr`, hwaddr);
  assertMatch(await drey`exec c1 -- ip link show eth0`, new RegExp(hwaddr.trim()));

  // or has the one it is given, here or when it is made
  const own = "volatile.eth0.hwaddr=00:16:3e:00:00:05";
  assertMatch((await drey.tries`config set c1 ${own}`).stderr, /while the instance runs/);
  await drey`stop -f c1`;
  assertMatch((await drey.tries`config set c1 volatile.eth0.hwaddr=05`).stderr, /Invalid MAC address "05"/);
  await drey`config set c1 ${own}`;
  await drey`start c1`;
  assertMatch(await drey`exec c1 -- ip link show eth0`, /00:16:3e:00:00:05/);
  await drey`init tiny c2 -c volatile.eth0.hwaddr=00:16:3e:00:00:06`;
  assertEquals(await drey`config get c2 volatile.eth0.hwaddr`, "00:16:3e:00:00:06\n");
  await drey`copy c2 c3`;
  assertMatch(await drey`config get c3 volatile.eth0.hwaddr`, /^00:16:3e:(?!00:00:06)/);
  await drey`profile device add default eth1 nic nictype=p2p`;
  await drey`config set c2 user.a=b`;
  assertMatch(await drey`config get c2 volatile.eth1.hwaddr`, /^00:16:3e:/);
});

for (const part of ["holder", "keeper", "dnsmasq", "all"] as const) {
  await e2e(`the network comes back by itself after SIGKILL of ${part}`, {
    // root's hub is the host's own namespace, which nobody keeps
    needs: ["subids", "network", ...(part === "keeper" ? ["user" as const] : [])],
  }, async (drey) => {
    await drey`launch tiny c1`;
    await drey`launch tiny c2`;
    await dhcp(drey, "c1", "c2");
    const leader = await Deno.readTextFile(`${drey.directory}/run/network/holder.pid`);
    const told = {
      // alone: those of its children that wait for services are called the same
      holder: new RegExp(`^${leader.trim()} `),
      keeper: /^sleep infinity/,
      dnsmasq: /^dnsmasq/,
      all: /./,
    }[part];
    const hit = hubProcesses(drey).filter(({ pid, argv }) =>
      told.test(part === "holder" ? `${pid} ${argv}` : argv)
    );
    assert(hit.length > 0, `nothing to kill: ${JSON.stringify(hubProcesses(drey))}`);
    for (const { pid } of hit) signalIfThere(pid);
    await drey`list`;
    if (part === "all") await dhcp(drey, "c1", "c2");
    await eventually("c1 reaches c2 by name", () => pings(drey, "c1", "c2"));
    await drey`launch tiny c3`;
    await dhcp(drey, "c3");
    await reaches(drey, "c3", "c1");
  });
}

await e2e("a network is made, changed, renamed and deleted, but not while it is used", {
  needs: ["subids", "network"],
}, async (drey) => {
  await drey`network create lab ipv4.address=10.123.45.1/24 ipv6.address=none ipv4.dhcp.ranges=10.123.45.50-10.123.45.51`;
  await drey`init tiny c1 --network lab`;
  await drey`config device set c1 eth0 ipv4.address=10.123.45.77`;
  await drey`start c1`;
  await dhcp(drey, "c1");
  assertEquals(await ipv4Of(drey, "c1"), "10.123.45.77");
  const inUse = await drey.tries`network delete lab`;
  assertEquals(inUse.code, 1);
  assertMatch(inUse.stderr, /in use/);
  assertEquals((await drey.tries`network rename lab lab2`).code, 1);
  const conflict = await drey.tries`launch tiny c2 --network lab -d eth0,ipv4.address=10.123.45.77`;
  assertMatch(conflict.stderr, /already defined on another NIC/);
  const outside = await drey.tries`config device set c1 eth0 ipv4.address=10.9.9.9`;
  assertMatch(outside.stderr, /not within the network's subnet/);
  for (const name of ["d1", "d2", "d3"]) await drey`launch tiny ${name} --network lab`;
  await dhcp(drey, "d1", "d2");
  const exhausted = await drey.tries`exec d3 -- busybox udhcpc -i eth0 -n -q -t 2 -T 1 -s /etc/udhcpc.sh`;
  assert(exhausted.code !== 0, "the range has two addresses");
  await drey`network set lab ipv4.dhcp.ranges=10.123.45.50-10.123.45.60`;
  await dhcp(drey, "d3");
  await drey`delete -f c1`;
  // the addresses of who is gone are free again, however busy the server of DHCP was when it was told
  const server = hubProcesses(drey).find(({ argv }) => /^dnsmasq.*--interface=lab /.test(argv))?.pid ?? 0;
  Deno.kill(server, "SIGSTOP");
  const awake = new Promise((resolve) => setTimeout(resolve, 1000)).then(() =>
    signalIfThere(server, "SIGCONT")
  );
  await drey`delete -f d1 d2`;
  await drey`network set lab ipv4.dhcp.ranges=10.123.45.50-10.123.45.51`;
  await awake;
  await drey`delete -f d3`;
  for (const name of ["e1", "e2"]) await drey`launch tiny ${name} --network lab`;
  await dhcp(drey, "e1", "e2");
  await drey`delete -f e1 e2`;
  await drey`network rename lab lab2`;
  assertEquals((await drey`network get lab2 ipv4.address`).trim(), "10.123.45.1/24");
  await drey`network delete lab2`;
  assertEquals((await drey.tries`network show lab2`).code, 1);
});

await e2e("LXD's own client leads networks", { needs: ["subids", "network", "lxc"] }, async (drey) => {
  await using server = await serve(drey);
  await server.lxc("network", "create", "lab", "ipv4.address=10.124.0.1/24", "ipv6.address=none");
  assertMatch(await server.lxc("network", "list"), /lab .*YES.*10\.124\.0\.1\/24/);
  await server.lxc("network", "set", "lab", "dns.domain=lab.example");
  assertEquals((await server.lxc("network", "get", "lab", "dns.domain")).trim(), "lab.example");
  await server.lxc("init", "tiny", "c1");
  await server.lxc("network", "attach", "lab", "c1", "eth0");
  await server.lxc("start", "c1");
  await dhcp(drey, "c1");
  assertMatch(await server.lxc("network", "list-leases", "lab"), /c1 .*10\.124\.0\./);
  assertMatch(await server.lxc("network", "info", "lab"), /State: up[\s\S]*10\.124\.0\.1/);
  assertMatch(await server.lxc("network", "show", "lab"), /used_by:\n- \/1.0\/instances\/c1/);
  assertMatch(await server.lxc("list", "c1"), /10\.124\.0\.\d+ \(eth0\)/);
  await server.lxc("network", "detach", "lab", "c1");
  await server.lxc("delete", "-f", "c1");
  await server.lxc("network", "rename", "lab", "lab2");
  await server.lxc("network", "delete", "lab2");
});

await e2e("a NIC is plugged into a running instance and taken out again", {
  needs: ["subids", "network"],
}, async (drey) => {
  await drey`network create lab ipv4.address=10.125.0.1/24 ipv6.address=none`;
  await drey`launch tiny c1`;
  await drey`config device add c1 eth1 nic network=lab name=eth1`;
  assertMatch(await drey`exec c1 -- ip -br link show eth1`, /UP/);
  await drey`exec c1 -- ${udhcpc("eth1")}`;
  assertMatch(await drey`list --format csv -c 4`, /10\.125\.0\.\d+ \(eth1\)/);
  // routes of a NIC outlive changes of its network, of whatever family, and end with the NIC
  await drey`config device set c1 eth1 ipv4.routes=10.126.0.0/24`;
  await drey`network set lab ipv6.address=fd42:125::1/64 ipv6.routes=fd42:126::/64 ipv4.routes=10.127.0.0/24`;
  await drey`network set lab ipv4.nat=false`;
  const routes = ["10.126.0.0/24 scope link", "10.127.0.0/24 proto static scope link"];
  assertEquals(await routesOf(drey, "lab"), routes);
  await drey`network unset lab ipv4.routes`;
  assertEquals(await routesOf(drey, "lab"), routes.slice(0, 1));
  await drey`config device remove c1 eth1`;
  assertEquals((await drey.tries`exec c1 -- ip link show eth1`).code, 1);
  await drey`config device add c1 _x/1 nic network=lab name=eth1`;
  assertEquals(await routesOf(drey, "lab"), []);
  await drey`config device set c1 _x/1 hwaddr=00:16:3e:00:00:01`;
  assertEquals(await drey`config get c1 volatile._x/1.hwaddr`, "\n");
  await drey`config device remove c1 _x/1`;
  await drey`network attach lab c1 eth2`;
  assertMatch(await drey`exec c1 -- ip -br link show eth2`, /UP/);
  assertMatch((await drey.tries`network attach lab nosuch`).stderr, /Instance "nosuch" not found/);
  await drey`network detach lab c1`;
  assertEquals((await drey.tries`exec c1 -- ip link show eth2`).code, 1);
  await drey`network attach-profile lab default eth3`;
  assertMatch(await drey`exec c1 -- ip -br link show eth3`, /UP/);
  await drey`network detach-profile lab default`;
  assertEquals((await drey.tries`exec c1 -- ip link show eth3`).code, 1);
  assertMatch(await drey`exec c1 -- ip -br link show eth0`, /UP/);
});

await e2e("packets with a forged address go no further than the cable", {
  needs: ["subids", "network"],
}, async (drey) => {
  // the forged address is nobody's
  await drey`network create lab ipv4.address=10.126.0.1/24 ipv6.address=none ipv4.dhcp.ranges=10.126.0.10-10.126.0.99`;
  await drey`launch tiny c1 --network lab -d eth0,security.ipv4_filtering=true -d eth0,security.mac_filtering=true`;
  await drey`launch tiny c2 --network lab`;
  await dhcp(drey, "c1", "c2");
  const target = await ipv4Of(drey, "c2");
  await reaches(drey, "c1", target);
  await drey`exec c1 -- ip addr add 10.126.0.200/24 dev eth0`;
  const forged = ["exec", "c1", "--", "busybox", "ping", "-I", "10.126.0.200", "-c", "1", "-W", "1", target];
  assertEquals((await drey.run(forged)).code, 1);
  await reaches(drey, "c1", target);
  await drey`exec c1 -- ip link set eth0 address 00:16:3e:00:00:99`;
  assertEquals(await pings(drey, "c1", target), false);
});

await e2e("apt's mirror is reached through the way out, and the host's loopback is not", {
  needs: ["subids", "network", "uplink", "user"],
}, async (drey) => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  try {
    const { port } = listener.addr as Deno.NetAddr;
    await drey`launch tiny c1`;
    await dhcp(drey, "c1");
    const route = await drey`exec c1 -- ip route show default`;
    assertMatch(route, /default via/);
    // a question that is lost on its way is asked anew
    await eventually("names of the world are resolved", async () => {
      return (await drey.tries`exec c1 -- busybox nslookup -type=a deb.debian.org`).code === 0;
    });
    for (const address of ["10.255.254.2", "127.0.0.1"]) {
      const { code } = await drey.run([
        "exec",
        "c1",
        "--",
        "socat",
        "-T2",
        "-",
        `TCP:${address}:${port},connect-timeout=2`,
      ]);
      assert(code !== 0, `${address} leads to the host's loopback`);
    }
  } finally {
    listener.close();
  }
});

await e2e("limits of a NIC change while it is plugged in, and hold", {
  needs: ["subids", "network"],
}, async (drey) => {
  await drey`launch tiny c1`;
  await drey`launch tiny c2`;
  await dhcp(drey, "c1", "c2");
  const target = await ipv4Of(drey, "c2");
  const sink = drey.spawn(["exec", "c2", "--", "socat", "TCP-LISTEN:9,fork,reuseaddr", "EXEC:wc -c"]);
  /** Milliseconds until half a megabyte from one has been counted by the other. */
  const send = async () => {
    const line = "start=$(date +%s%3N); " +
      `head -c 500000 /dev/zero | socat -t120 - TCP:${target}:9,retry=300,interval=0.1; ` +
      "echo $(($(date +%s%3N) - start))";
    const [counted, time] = (await drey`exec c1 -- sh -c ${line}`).split("\n");
    assertEquals(counted, "500000", "what is slow arrives all the same");
    return Number(time);
  };
  await send();
  await drey`config device override c2 eth0 limits.ingress=2Mbit`;
  await eventually("a limit into an instance holds", async () => await send() > 1200);
  await drey`config device unset c2 eth0 limits.ingress`;
  await eventually("and goes", async () => await send() < 1200);
  await drey`stop -f c2`;
  await sink.status;
});

await e2e("a network comes up on a host where IPv6 is switched off", {
  needs: ["subids", "network", "root"],
}, async (drey) => {
  // root's networks are the host's own: another namespace of networks is another host to them
  const script = `ip link set lo up
for what in all default; do
  [ ! -e /proc/sys/net/ipv6 ] || echo 1 >/proc/sys/net/ipv6/conf/$what/disable_ipv6
done
"$@" launch tiny c1
"$@" exec c1 -- ${udhcpc().join(" ")}
"$@" list --format csv -c 4
"$@" delete -f c1`;
  const { code, stdout, stderr } = await run(
    ["unshare", "--net", "sh", "-ec", script, "host", ...drey.commandLine([])],
    { env: { ...Deno.env.toObject(), ...drey.environment } },
  );
  assertEquals(code, 0, stderr);
  assertMatch(stdout, /^\d+\.\d+\.\d+\.\d+ \(eth0\)$/m);
});

/** Signals a process that may end with another one just now. */
function signalIfThere(pid: number, signal: Deno.Signal = "SIGKILL"): void {
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
