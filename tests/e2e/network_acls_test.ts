import { assert, assertEquals, assertMatch } from "@std/testing";
import { e2e } from "../support/drey.ts";
import { serve } from "../support/server.ts";
import { eventually } from "../support/eventually.ts";
import { dhcp, ipv4Of, pings, reaches } from "../support/network.ts";

await e2e("an ACL lets through what it says, blocks and logs the rest, and root inside cannot lift it", {
  needs: ["subids", "network"],
}, async (drey) => {
  await drey`network create lab ipv4.address=10.127.0.1/24 ipv6.address=none`;
  await drey`launch tiny c1 --network lab`;
  await drey`launch tiny c2 --network lab`;
  await dhcp(drey, "c1", "c2");
  const target = await ipv4Of(drey, "c2");
  const servers = [80, 81].map((port) =>
    drey.spawn(["exec", "c2", "--", "socat", `TCP-LISTEN:${port},fork,reuseaddr`, "EXEC:echo hello"])
  );
  const reaches = async (port: number, from = "c1", to = target) => {
    const argv = ["exec", from, "--", "socat", "-T1", "-u", `TCP:${to}:${port},connect-timeout=1`, "-"];
    return (await drey.run(argv)).stdout === "hello\n";
  };
  for (const port of [80, 81]) await eventually(`port ${port} answers`, () => reaches(port));
  await drey`network acl create web`;
  await drey`network acl rule add web egress action=allow protocol=tcp destination_port=80`;
  const misspelt = await drey.tries`network acl rule add web egress action=allow destinations=10.0.0.1`;
  assertMatch(misspelt.stderr, /Unknown field "destinations": there are action, source, destination, /);
  await drey`config device set c1 eth0 security.acls=web security.acls.default.egress.logged=true`;
  await eventually("the port that is allowed answers", () => reaches(80));
  assertEquals(await reaches(81), false);
  assertEquals(await pings(drey, "c1", target), false);
  assertEquals(await pings(drey, "c2", await ipv4Of(drey, "c1")), false, "nor the other way round");
  const log = await drey`network acl show-log web`;
  assert(log.includes('"dst_port":81') && log.includes(`"dst":"${target}"`), log);
  const refused = JSON.parse(await drey`network log lab --format json`) as Record<string, unknown>[];
  const seen = refused.map(({ src, dst, proto, dst_port }) => [src, dst, proto, dst_port].join(" "));
  const own = await ipv4Of(drey, "c1");
  for (const line of [`${own} ${target} tcp 81`, `${own} ${target} icmp 0`, `${target} ${own} icmp 0`]) {
    assert(seen.includes(line), `${line}: ${seen.join("; ")}`);
  }
  assertEquals(seen.some((line) => line.endsWith("tcp 80")), false, "what passed is not there");
  // another address does not help, nor the rules of its own namespace
  await drey.run(["exec", "c1", "--", "ip", "addr", "add", "10.127.0.222/24", "dev", "eth0"]);
  assertEquals(await reaches(81), false);
  assertEquals((await drey.tries`network acl delete web`).code, 1, "it is used");
  await drey`network acl rule add web egress action=allow protocol=tcp destination_port=81`;
  await eventually("a rule counts at once", () => reaches(81));
  await drey`network acl rule remove web egress destination_port=81`;
  assertEquals(await reaches(81), false);
  await drey`config device unset c1 eth0 security.acls`;
  await eventually("without the ACL everything passes", () => reaches(81));
  await drey`network acl delete web`;
  await drey`stop -f c1 c2`;
  for (const server of servers) await server.status;
});

await e2e("LXD's own client leads ACLs", { needs: ["subids", "network", "lxc"] }, async (drey) => {
  await using server = await serve(drey);
  await server.lxc("network", "acl", "create", "web");
  await server.lxc(
    "network",
    "acl",
    "rule",
    "add",
    "web",
    "ingress",
    "action=allow",
    "source=10.0.0.0/8",
    "state=logged",
  );
  assertMatch(
    await server.lxc("network", "acl", "show", "web"),
    /ingress:\n- action: allow\n {2}source: 10\.0\.0\.0\/8/,
  );
  assertMatch(await server.lxc("network", "acl", "list"), /web/);
  await server.lxc("network", "set", "dreybr0", "security.acls=web").catch(() => "no network yet");
  await server.lxc("network", "create", "lab", "security.acls=web");
  assertMatch(await server.lxc("network", "acl", "show", "web"), /used_by:\n- \/1.0\/networks\/lab/);
  const wrong = await server.tries(["network", "acl", "rule", "add", "web", "egress", "action=perhaps"]);
  assertMatch(wrong.stderr, /Invalid action/);
  const ports = (
    text: string,
  ) => ["web", "egress", "action=allow", "protocol=tcp", `destination_port=${text}`];
  await server.lxc("network", "acl", "rule", "add", ...ports("22,2222"));
  const same = await server.tries(["network", "acl", "rule", "add", ...ports("22, 2222")]);
  assertMatch(same.stderr, /Duplicate egress rule/);
  await server.lxc("network", "delete", "lab");
  await server.lxc("network", "acl", "rename", "web", "web2");
  await server.lxc("network", "acl", "rule", "remove", "web2", "ingress", "action=allow", "--force");
  await server.lxc("network", "acl", "delete", "web2");
});

await e2e("an instance reaches what an ACL names by its domain, and nothing else", {
  needs: ["subids", "network"],
}, async (drey) => {
  // the server of names that others ask: that of another network
  const known = "address=/mirror.example/10.141.0.5\naddress=/other.example/10.141.0.6";
  await drey`network create names ipv4.address=10.142.0.1/24 ipv6.address=none ${`raw.dnsmasq=${known}`}`;
  // c2 takes two addresses by itself: c1 must not be given one of them
  const range = "ipv4.dhcp.ranges=10.141.0.50-10.141.0.99";
  await drey`network create lab ipv4.address=10.141.0.1/24 ipv6.address=none ${range} raw.dnsmasq=server=/example/10.142.0.1`;
  await drey`network acl create out`;
  await drey`network acl rule add out egress action=allow destination=mirror.example`;
  await drey`launch tiny c1 --network lab -d eth0,security.acls=out`;
  await drey`init tiny c2 --network lab`;
  await drey`config device add c2 eth1 nic network=names`;
  await drey`start c2`;
  await dhcp(drey, "c1");
  await drey`exec c2 -- sh -c ${"ip addr add 10.141.0.5/24 dev eth0; ip addr add 10.141.0.6/24 dev eth0"}`;
  assertEquals(await pings(drey, "c1", "10.141.0.5"), false, "nobody has asked for the name yet");
  await eventually("it is reached by its name", () => pings(drey, "c1", "mirror.example"));
  await reaches(drey, "c1", "10.141.0.5");
  assertEquals(await pings(drey, "c1", "other.example"), false);
  await drey`delete -f c1 c2`;
});
