import { assert, assertEquals, assertMatch } from "@std/testing";
import { e2e } from "../support/drey.ts";
import { freePort, serve } from "../support/server.ts";
import { eventually } from "../support/eventually.ts";
import { dhcp, ipv4Of } from "../support/network.ts";

/** What a port of this machine says. */
async function hear(port: number): Promise<string> {
  try {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    return (await new Response(connection.readable).text()).trim();
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused || error instanceof Deno.errors.ConnectionReset) {
      return "";
    }
    throw error;
  }
}

await e2e("a forward and a load balancer lead from the host to instances, through drey and lxc", {
  needs: ["subids", "network", "lxc"],
}, async (drey) => {
  await drey`network create lab ipv4.address=10.128.0.1/24 ipv6.address=none`;
  await drey`launch tiny c1 --network lab`;
  await drey`launch tiny c2 --network lab`;
  await dhcp(drey, "c1", "c2");
  const [one, two] = [await ipv4Of(drey, "c1"), await ipv4Of(drey, "c2")];
  const servers = ["c1", "c2"].map((name) =>
    drey.spawn(["exec", name, "--", "socat", "TCP-LISTEN:80,fork,reuseaddr", `EXEC:echo ${name}`])
  );
  const [port, balanced] = [freePort(), freePort()];
  await using server = await serve(drey);
  await server.lxc("network", "forward", "create", "lab", "127.0.0.1");
  await server.lxc("network", "forward", "port", "add", "lab", "127.0.0.1", "tcp", String(port), one, "80");
  // it listens as soon as the command is back
  (await Deno.connect({ hostname: "127.0.0.1", port })).close();
  assertMatch(
    await server.lxc("network", "forward", "show", "lab", "127.0.0.1"),
    new RegExp(`target_address: ${one}`),
  );
  await eventually("the forward answers", async () => await hear(port) === "c1");
  const outside = await drey.tries`network forward port add lab 127.0.0.1 tcp 81 192.0.2.99`;
  assertMatch(outside.stderr, /not within the network's subnet/);
  const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const refused = await drey
    .tries`network forward port add lab 127.0.0.1 tcp ${(taken.addr as Deno.NetAddr).port} ${one} 80`;
  assertMatch(refused.stderr, /the address is in use/);
  assertEquals((await drey`network forward show lab 127.0.0.1`).match(/listen_port/g)?.length, 1);
  taken.close();
  await drey`network load-balancer create lab 127.0.0.2`;
  await drey`network load-balancer backend add lab 127.0.0.2 web1 ${one} 80`;
  await drey`network load-balancer backend add lab 127.0.0.2 web2 ${two} 80`;
  await drey`network load-balancer delete lab 127.0.0.2`;
  await drey`network load-balancer create lab 127.0.0.1`;
  await drey`network load-balancer backend add lab 127.0.0.1 web1 ${one} 80`;
  await drey`network load-balancer backend add lab 127.0.0.1 web2 ${two} 80`;
  await drey`network load-balancer port add lab 127.0.0.1 tcp ${balanced} web1,web2`;
  // one that does not answer yet is left alone for ten seconds
  await eventually("both answer in turn", async () => {
    return [await hear(balanced), await hear(balanced)].sort().join() === "c1,c2";
  });
  await drey`stop -f c2`;
  const start = Date.now();
  assertEquals([await hear(balanced), await hear(balanced)], ["c1", "c1"], "one that is away is passed over");
  assert(Date.now() - start < 60_000, "and not waited for as long as the kernel would, which is two minutes");
  await drey`network forward delete lab 127.0.0.1`;
  await eventually("nobody listens", async () => await hear(port) === "");
  await drey`stop -f c1`;
  assertEquals(await hear(balanced), "", "without instances the network is down, and its ports with it");
  // root's are rules of the firewall, before whoever listens
  if (Deno.uid() !== 0) {
    const taker = Deno.listen({ hostname: "127.0.0.1", port: balanced });
    const { code, stderr } = await drey.tries`start c1`;
    assertEquals(code, 0);
    assertMatch(stderr, /network "lab" is up without one of its forwards: .*:\d+: the address is in use/);
    assertMatch(await drey`warning list --format json`, /up without one of its forwards/);
    taker.close();
    const listens = () =>
      Deno.connect({ hostname: "127.0.0.1", port: balanced }).then(
        (socket) => (socket.close(), true),
        () => false,
      );
    await eventually("the port is had as soon as it is free", listens);
    await drey`stop -f c1`;
  }
  await drey`start c1`;
  await dhcp(drey, "c1");
  const again = drey.spawn(["exec", "c1", "--", "socat", "TCP-LISTEN:80,fork,reuseaddr", "EXEC:echo c1"]);
  await eventually("it comes back with them", async () => await hear(balanced) === "c1");
  await drey`stop -f c1`;
  for (const child of [...servers, again]) await child.status;
  await drey`delete c1 c2`;
  await drey`network rename lab desk`;
  assert((await drey`network load-balancer list desk`).includes("127.0.0.1"), "it follows its network");
  await drey`network create other ipv4.address=10.128.1.1/24 ipv6.address=none`;
  await drey`launch tiny c3 --network desk`;
  await drey`config device add c3 eth1 nic network=other`;
  await drey`config device remove c3 eth0`;
  await drey`network delete desk`;
  assertEquals(await hear(balanced), "", "and ends with it, though the hub goes on");
  await drey`network create desk ipv4.address=10.128.0.1/24 ipv6.address=none`;
  assert(!(await drey`network load-balancer list desk`).includes("127.0.0.1"));
});
