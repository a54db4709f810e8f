import { assertEquals, assertMatch } from "@std/testing";
import { e2e } from "../support/drey.ts";
import { eventually } from "../support/eventually.ts";
import { dhcp, ipv4Of, reaches } from "../support/network.ts";

// the rules are the same for root
const needs = ["subids", "network", "user"] as const;

await e2e("a range that is used up gives nobody an address twice, and whoever has one keeps it", {
  needs,
}, async (drey) => {
  await drey`network create lab ipv4.address=10.135.0.1/24 ipv6.address=none ipv4.dhcp.ranges=10.135.0.9-10.135.0.9`;
  await drey`launch tiny c1 --network lab`;
  await drey`launch tiny c2 --network lab`;
  await dhcp(drey, "c1");
  assertEquals(await ipv4Of(drey, "c1"), "10.135.0.9");
  const second = ["exec", "c2", "--", "busybox", "udhcpc", "-i", "eth0", "-n", "-q", "-t", "2", "-T", "1"];
  assertEquals((await drey.run(second)).code, 1, "there is none left");
  await dhcp(drey, "c1");
  assertEquals(await ipv4Of(drey, "c1"), "10.135.0.9");
  const filtered = await drey.tries`init tiny c3 --network lab -d eth0,security.ipv4_filtering=true`;
  assertEquals(filtered.code, 0, filtered.stderr);
  assertMatch((await drey.tries`start c3`).stderr, /Network "lab" has no free IPv4 address/);
  await drey`network unset lab ipv4.dhcp.ranges`;
  await dhcp(drey, "c2");
  await reaches(drey, "c2", "10.135.0.9");
});

await e2e("two NICs of a network cannot have one address or name, and neither that of the bridge", {
  needs,
}, async (drey) => {
  await drey`network create lab ipv4.address=10.136.0.1/24 ipv6.address=none`;
  await drey`init tiny c1 --network lab`;
  await drey`config device set c1 eth0 ipv4.address=10.136.0.5`;
  await drey`init tiny c2 --network lab`;
  for (
    const [address, said] of [
      ["10.136.0.5", /is already defined on another NIC: "eth0" of "c1"/],
      ["10.136.0.1", /is that of the bridge/],
      ["10.137.0.5", /not within the network's subnet/],
    ] as const
  ) {
    const { code, stderr } = await drey.tries`config device set c2 eth0 ipv4.address=${address}`;
    assertEquals(code, 1, address);
    assertMatch(stderr, said);
  }
  const refusal = async (...words: string[]) => {
    const { code, stderr } = await drey.run(words);
    assertEquals(code, 1, words.join(" "));
    return stderr;
  };
  const second = ["config", "device", "add", "c1", "eth1", "nic", "network=lab"];
  assertMatch(await refusal(...second), /"c1" is already used on network "lab" by "eth0" of "c1"/);
  await drey.run([...second, "vlan=5"]);
  await drey`config device remove c1 eth1`; // which was there: in another VLAN they do not meet
  await drey`config device set c1 eth0 hwaddr=00:16:3e:11:22:33`;
  assertMatch(
    await refusal("config", "device", "set", "c2", "eth0", "hwaddr=00:16:3e:11:22:33"),
    /MAC address "00:16:3e:11:22:33" is already defined/,
  );
  assertMatch(await refusal("config", "device", "set", "c2", "eth0", "ipv4.address=none"), /ipv4_filtering/);
  await drey`profile create p1`;
  assertMatch(
    await refusal("profile", "device", "add", "p1", "eth0", "nic", "network=lab", "ipv4.address=10.137.0.5"),
    /not within the network's subnet/,
  );
  assertMatch(await refusal("profile", "device", "add", "p1", "eth0", "nic", "network=gone"), /not found/);
  await drey`config device set c2 eth0 ipv4.address=10.136.0.6`;
  await drey`copy c1 c3`;
  assertMatch(await refusal("start", "c3"), /is already defined on another NIC: "eth0" of "c1"/);
  await drey`config device set c3 eth0 ipv4.address=10.136.0.7 hwaddr=`;
  await drey`start c3`;
  await drey`network set lab dns.mode=none`;
  assertEquals((await drey.run(second)).code, 0);
});

// a question of DHCPv6 that asks for an address at once (RFC 8415, 18.2.1), and the address of the answer
const askDhcp6 = `
my ($index, $mac) = map { open my $in, '<', "/sys/class/net/eth0/$_" or die; my $line = <$in>; chomp $line; $line }
  qw(ifindex address);
$mac =~ s/://g;
socket(my $socket, 10, 2, 0) or die "socket: $!"; bind($socket, pack("SnNa16L", 10, 546, 0, "", 0)) or die "bind: $!";
my $option = sub { pack("nn", $_[0], length $_[1]) . $_[1] };
my $ask = pack("Ca3", 1, "abc") . $option->(1, pack("nnH12", 3, 1, $mac)) . $option->(14, "") .
  $option->(3, pack("NNN", 1, 0, 0)) . $option->(8, pack("n", 0));
my $to = pack("SnNH32L", 10, 547, 0, "ff020000000000000000000000010002", $index);
for (1 .. 60) {
  # its own address may not be ready yet
  send($socket, $ask, 0, $to) or select(undef, undef, undef, 0.5), next;
  vec(my $bits = "", fileno $socket, 1) = 1; select($bits, undef, undef, 1) or next;
  recv($socket, my $said, 1500, 0);
  $said =~ /\\x00\\x05\\x00\\x18(.{16})/s and print(join(":", unpack("(H4)8", $1)), "\\n"), exit 0;
}
exit 1`;

await e2e("a network gives addresses by DHCPv6 from its range, and dnsmasq what it is told by hand", {
  needs,
}, async (drey) => {
  const v6 = [
    "ipv6.address=fd42:135::1/64",
    "ipv6.dhcp.stateful=true",
    "ipv6.dhcp.ranges=fd42:135::70-fd42:135::71",
  ];
  await drey`network create lab ipv4.address=10.138.0.1/24 ${v6}`;
  await drey`launch tiny c1 --network lab`;
  await drey`launch tiny c2 --network lab -d eth0,ipv6.address=fd42:135::5`;
  const given = await drey`exec c1 -- perl -e ${askDhcp6}`;
  assertMatch(given, /^fd42:0135:0000:0000:0000:0000:0000:007[01]$/m);
  assertEquals(
    (await drey`exec c2 -- perl -e ${askDhcp6}`).trim(),
    "fd42:0135:0000:0000:0000:0000:0000:0005",
  );
  await drey`network set lab raw.dnsmasq=${"host-record=printer.lab,10.138.0.77"}`;
  await dhcp(drey, "c1");
  const resolves = async () =>
    (await drey.tries`exec c1 -- busybox nslookup -type=a printer.lab`).stdout.includes("10.138.0.77");
  await eventually("a record of raw.dnsmasq is known", resolves);
  for (const option of ["dhcp-script=/bin/sh", "conf-file=/tmp/more", "dhcp-leasefile=/tmp/leases"]) {
    const wrong = await drey.tries`network set lab raw.dnsmasq=${`cache-size=1\n ${option}`}`;
    assertMatch(wrong.stderr, /may not say what dnsmasq runs/);
  }
});
