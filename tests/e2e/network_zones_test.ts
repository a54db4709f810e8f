import { assertEquals, assertMatch } from "@std/testing";
import { run } from "../../sys/run.ts";
import { e2e } from "../support/drey.ts";
import { freePort, serve } from "../support/server.ts";
import { eventually } from "../support/eventually.ts";

await e2e("another server fetches a zone with the names of instances and records added by hand", {
  // root's answers are no others
  needs: ["subids", "network", "lxc", "dig", "user"],
}, async (drey) => {
  await using server = await serve(drey);
  const port = freePort();
  await server.lxc("config", "set", `core.dns_address=127.0.0.1:${port}`);
  const dig = async (...words: string[]) =>
    (await run([
      "dig",
      "@127.0.0.1",
      "-p",
      String(port),
      "+noall",
      "+answer",
      "+time=30",
      "+tries=1",
      ...words,
    ]))
      .stdout.replaceAll(/[ \t]+/g, " ");
  await server.lxc("network", "zone", "create", "lab.example", "dns.nameservers=ns1.example.org");
  await server.lxc("network", "zone", "create", "9.130.10.in-addr.arpa");
  const keys = ["dns.zone.forward=lab.example", "dns.zone.reverse.ipv4=9.130.10.in-addr.arpa"];
  await drey`network create lab ipv4.address=10.130.9.1/24 ipv6.address=none ${keys}`;
  await drey`init tiny c1 --network lab`;
  await drey`config device set c1 eth0 ipv4.address=10.130.9.5`;
  await server.lxc("network", "zone", "record", "create", "lab.example", "mail");
  await server.lxc(
    "network",
    "zone",
    "record",
    "entry",
    "add",
    "lab.example",
    "mail",
    "A",
    "192.0.2.25",
    "--ttl",
    "60",
  );
  await drey`network zone record create lab.example @`;
  await drey`network zone record entry add lab.example @ MX ${"10 mail.lab.example."}`;
  await drey`network zone record entry add lab.example @ TXT ${"hello world"}`;

  assertEquals(await dig("lab.example", "AXFR"), "; Transfer failed.\n", "nobody may fetch it yet");
  await drey`network zone set lab.example peers.me.address=127.0.0.1`;
  await drey`network zone set 9.130.10.in-addr.arpa peers.me.address=127.0.0.1`;
  const zone = await dig("lab.example", "AXFR");
  assertMatch(
    zone,
    /^lab\.example\. 3600 IN SOA ns1\.example\.org\. hostmaster\.lab\.example\. \d+ 120 60 86400 30\n/,
  );
  assertEquals(zone.match(/IN SOA/g)?.length, 2, "it begins and ends with it");
  for (
    const line of [
      "lab.example. 300 IN NS ns1.example.org.",
      "c1.lab.example. 300 IN A 10.130.9.5",
      "lab.gw.lab.example. 300 IN A 10.130.9.1",
      "mail.lab.example. 60 IN A 192.0.2.25",
      "lab.example. 300 IN MX 10 mail.lab.example.",
      'lab.example. 300 IN TXT "hello world"',
    ]
  ) assertEquals(zone.split("\n").includes(line), true, `${line}\n${zone}`);
  assertMatch(
    await dig("9.130.10.in-addr.arpa", "AXFR"),
    /^5\.9\.130\.10\.in-addr\.arpa\. 300 IN PTR c1\.lab\.example\.$/m,
  );
  assertMatch(await dig("lab.example", "SOA"), /IN SOA/, "a single question over UDP");
  await drey`network zone record entry remove lab.example mail A 192.0.2.25`;
  assertEquals((await dig("lab.example", "AXFR")).includes("192.0.2.25"), false);

  for (
    const [words, said] of [
      [["create", "lab.example"], /already exists/],
      [["delete", "lab.example"], /currently in use/],
      [["set", "lab.example", "peers.me.key=abc"], /not supported/],
      [["set", "lab.example", "colour=red"], /Invalid option/],
      [
        ["record", "entry", "add", "lab.example", "mail", "A", "no.address"],
        /Invalid value for a record of type A/,
      ],
    ] as const
  ) {
    const { code, stderr } = await drey.run(["network", "zone", ...words]);
    assertEquals(code, 1, words.join(" "));
    assertMatch(stderr, said);
  }
  const absent = await drey.tries`network set lab dns.zone.forward=other.example`;
  assertMatch(absent.stderr, /Network zone "other\.example" not found/);
  assertMatch(await server.lxc("network", "zone", "show", "lab.example"), /\/1\.0\/networks\/lab/);
  assertMatch(await server.lxc("network", "zone", "list"), /9\.130\.10\.in-addr\.arpa/);
  await server.lxc("config", "unset", "core.dns_address");
  await eventually(
    "nobody answers any more",
    async () => (await dig("lab.example", "AXFR")).includes("SOA") === false,
  );
  await drey`network unset lab dns.zone.forward`;
  await server.lxc("network", "zone", "delete", "lab.example");
  assertEquals(JSON.parse(await drey`network zone list --format json`).length, 1);
  await drey`delete c1`;
});
