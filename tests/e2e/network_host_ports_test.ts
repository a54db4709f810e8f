import { assertEquals, assertMatch } from "@std/testing";
import { run } from "../../sys/run.ts";
import { e2e } from "../support/drey.ts";
import { openNeighbor } from "../support/neighbor.ts";
import { eventually } from "../support/eventually.ts";

await e2e("root's forwards and nat proxies tell the instance who asks", {
  needs: ["root", "network"],
}, async (drey) => {
  await using neighbor = await openNeighbor();
  await drey`network create lab ipv4.address=10.128.9.1/24 ipv6.address=none`;
  await drey`init tiny c1 --network lab`;
  await drey`config device set c1 eth0 ipv4.address=10.128.9.5`;
  await drey`config device add c1 web proxy listen=tcp:0.0.0.0:28081 connect=tcp:0.0.0.0:80 nat=true`;
  await drey`start c1`;
  await drey`launch tiny c2 --network lab`;
  for (const [name, own] of [["c1", "10.128.9.5"], ["c2", "10.128.9.6"]]) {
    await drey`exec ${name!} -- sh -c ${`ip addr add ${own}/24 dev eth0; ip route add default via 10.128.9.1`}`;
  }
  const told = "SYSTEM:echo $SOCAT_PEERADDR";
  const server = drey.spawn(["exec", "c1", "--", "socat", "TCP-LISTEN:80,fork,reuseaddr", told]);
  await eventually(
    "a proxy with nat shows the client",
    async () => await neighbor.hears("198.18.44.7", 28081) === "198.18.44.8",
  );
  const local = async (host: string, port: number) =>
    (await run(["socat", "-u", `TCP:${host}:${port}`, "-"])).stdout.trim();
  assertEquals(
    await local("127.0.0.1", 28081),
    "10.128.9.1",
    "the loopback device's connections are relayed",
  );
  assertEquals(await local("198.18.44.7", 28081), "198.18.44.7");

  await drey`network forward create lab 198.18.44.7`;
  await drey`network forward port add lab 198.18.44.7 tcp 28082 10.128.9.5 80`;
  assertEquals(await neighbor.hears("198.18.44.7", 28082), "198.18.44.8", "so does a forward");
  for (const name of ["c1", "c2"]) {
    const own = await drey`exec ${name} -- socat -u TCP:198.18.44.7:28082,connect-timeout=30 -`;
    assertMatch(own, /^10\.128\.9\.1\s/, `${name}, beside it or itself, comes by the bridge`);
  }
  await drey`network forward port remove lab 198.18.44.7 tcp 28082`;
  assertEquals(await neighbor.hears("198.18.44.7", 28082), "");

  await drey`network forward set lab 198.18.44.7 target_address=10.128.9.5`;
  assertEquals(await neighbor.hears("198.18.44.7", 80), "198.18.44.8", "all ports at once");
  await drey`network forward delete lab 198.18.44.7`;
  assertEquals(await neighbor.hears("198.18.44.7", 80), "");
  assertEquals(await neighbor.hears("198.18.44.7", 28081), "198.18.44.8", "and the proxy is still there");
  const loopback = await drey.tries`network forward create lab 127.0.0.1 target_address=10.128.9.5`;
  assertMatch(loopback.stderr, /Cannot forward all ports/);
  await drey`config device remove c1 web`;
  assertEquals(await neighbor.hears("198.18.44.7", 28081), "");
  await drey`stop -f c1 c2`;
  await server.status;
});

await e2e("a user's forward needs its ports named, and says why", {
  needs: ["user", "subids", "network"],
  images: [],
}, async (drey) => {
  await drey`network create lab ipv4.address=10.128.9.1/24 ipv6.address=none`;
  const { code, stderr } = await drey.tries`network forward create lab 127.0.0.9 target_address=10.128.9.5`;
  assertEquals(code, 1);
  assertMatch(stderr, /Cannot forward all ports.*a user/);
});
