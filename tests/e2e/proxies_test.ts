import { assert, assertEquals, assertMatch } from "@std/testing";
import { e2e } from "../support/drey.ts";
import { run } from "../../sys/run.ts";
import { freePort } from "../support/server.ts";
import { eventually } from "../support/eventually.ts";
import { dhcp } from "../support/network.ts";

/** What a server on the host says to one line. */
async function ask(address: Deno.ConnectOptions | Deno.UnixConnectOptions, text = ""): Promise<string> {
  const connection = "path" in address ? await Deno.connect(address) : await Deno.connect(address);
  const answer = new Response(connection.readable).text();
  for (let left = new TextEncoder().encode(text); left.length > 0;) {
    left = left.subarray(await connection.write(left));
  }
  await connection.closeWrite();
  return await answer;
}

const serveInside = (port: number) => ["socat", `TCP-LISTEN:${port},fork,reuseaddr`, "EXEC:cat"];

await e2e("a port of the host leads into an instance, and stops doing so", {
  needs: ["subids", "network"],
}, async (drey) => {
  const port = freePort();
  await drey`launch tiny c1`;
  const inside = drey.spawn(["exec", "c1", "--", ...serveInside(80)]);
  await drey`config device add c1 web proxy listen=tcp:127.0.0.1:${port} connect=tcp:127.0.0.1:80`;
  // it listens as soon as the command is back
  (await Deno.connect({ hostname: "127.0.0.1", port })).close();
  await eventually("the port answers", async () => {
    return await ask({ hostname: "127.0.0.1", port }, "hello").catch(() => "") === "hello";
  });
  const long = "x".repeat(3_000_000);
  assertEquals((await ask({ hostname: "127.0.0.1", port }, long)).length, long.length);
  const taken = await drey
    .tries`config device add c1 again proxy listen=tcp:127.0.0.1:${port} connect=tcp:127.0.0.1:80`;
  assertMatch(taken.stderr, /in use/);
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await drey`config device add c1 other proxy listen=tcp:127.0.0.1:${freePort()} connect=tcp:127.0.0.1:80`;
  await connection.write(new TextEncoder().encode("still here"));
  const buffer = new Uint8Array(10);
  await connection.read(buffer);
  assertEquals(
    new TextDecoder().decode(buffer),
    "still here",
    "a connection outlives what happens to others",
  );
  connection.close();
  await drey`config device remove c1 web`;
  await eventually("nobody listens", async () => {
    return await ask({ hostname: "127.0.0.1", port }).then(() => false, () => true);
  });
  await drey`stop -f c1`;
  await inside.status;
});

await e2e("unix sockets, datagrams and both directions are led", {
  needs: ["subids", "network"],
}, async (drey) => {
  await drey`launch tiny c1`;
  const [udp, host] = [freePort(), freePort()];
  const inside = [
    drey.spawn(["exec", "c1", "--", "socat", "UDP-LISTEN:53,fork", "EXEC:cat"]),
    drey.spawn(["exec", "c1", "--", "socat", "UNIX-LISTEN:/tmp/inside.sock,fork", "EXEC:cat"]),
  ];
  await drey`config device add c1 dns proxy listen=udp:127.0.0.1:${udp} connect=udp:127.0.0.1:53`;
  await drey`config device add c1 sock proxy listen=unix:${drey.directory}/web.sock connect=unix:/tmp/inside.sock mode=0600`;
  await drey`config device add c1 up proxy bind=instance listen=tcp:127.0.0.1:8080 connect=tcp:127.0.0.1:${host}`;
  const path = `${drey.directory}/web.sock`;
  await eventually("the socket answers", async () => {
    return await ask({ transport: "unix", path }, "hello").catch(() => "") === "hello";
  });
  assertEquals((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
  await eventually("the datagram comes back", async () => {
    const { stdout } = await run(["socat", "-t1", "-", `UDP:127.0.0.1:${udp}`], { stdin: "ping" });
    return stdout === "ping";
  });
  const listener = Deno.listen({ hostname: "127.0.0.1", port: host });
  const accepted = listener.accept().then(async (connection) => {
    await connection.write(new TextEncoder().encode("from the host"));
    connection.close();
  });
  assertEquals(await drey`exec c1 -- socat -u TCP:127.0.0.1:8080,retry=300,interval=0.1 -`, "from the host");
  await accepted;
  listener.close();
  // also where the instance has mounted something of its own, and it belongs to whom the device says
  await drey`exec c1 -- mount -t tmpfs none /mnt`;
  const own = `mode=0660 uid=7 gid=8 connect=unix:${path}`.split(" ");
  await drey`config device add c1 in proxy bind=instance listen=unix:/mnt/in.sock ${own}`;
  await eventually("its socket is there, and whose it shall be", async () => {
    return (await drey.tries`exec c1 -- stat -c ${"%F %a %u %g"} /mnt/in.sock`).stdout === "socket 660 7 8\n";
  });
  const asks = ["exec", "c1", "--", "socat", "-t60", "-", "UNIX:/mnt/in.sock"];
  assertEquals((await drey.run(asks, { stdin: "there" })).stdout, "there");
  await drey`stop -f c1`;
  assertEquals(await Deno.lstat(path).then(() => "there", () => "gone"), "gone");
  for (const child of inside) await child.status;
});

await e2e("ports of root are refused with the reason, wrong devices at once", {
  needs: ["subids", "network", "user"],
}, async (drey) => {
  await drey`launch tiny c1`;
  const first = Number(Deno.readTextFileSync("/proc/sys/net/ipv4/ip_unprivileged_port_start"));
  if (first > 80) {
    const refused = await drey
      .tries`config device add c1 web proxy listen=tcp:127.0.0.1:80 connect=tcp:127.0.0.1:80`;
    assertEquals(refused.code, 1);
    assertMatch(refused.stderr, /ports below \d+ are root's.*ip_unprivileged_port_start=80/s);
  }
  for (
    const words of [
      ["listen=tcp:127.0.0.1:8080", "connect=udp:127.0.0.1:80"],
      ["listen=tcp:127.0.0.1:8080-8090", "connect=tcp:127.0.0.1:80-81"],
      ["listen=tcp:nowhere:80", "connect=tcp:127.0.0.1:80"],
      ["listen=unix:/tmp/x", "connect=unix:/tmp/y", "nat=true"],
    ]
  ) {
    const { code, stderr } = await drey.run(["config", "device", "add", "c1", "wrong", "proxy", ...words]);
    assertEquals(code, 1, words.join(" "));
    assert(stderr.includes("wrong"), stderr);
  }
});

await e2e("launch -p leads a port, and the relay comes back after SIGKILL", {
  needs: ["subids", "network"],
}, async (drey) => {
  const port = freePort();
  await drey`launch tiny c1 -p ${port}:80`;
  const inside = drey.spawn(["exec", "c1", "--", ...serveInside(80)]);
  const answers = () =>
    ask({ hostname: "127.0.0.1", port }, "hello").then((said) => said === "hello", () => false);
  await eventually("the port answers", answers);
  const pids = [...Deno.readDirSync("/proc")].map(({ name }) => name).filter((name) => /^\d+$/.test(name));
  const relays = pids.filter((pid) => {
    try {
      return Deno.readTextFileSync(`/proc/${pid}/cmdline`).includes(`${drey.directory}/run/relays/`);
    } catch {
      return false; // it ended meanwhile
    }
  });
  const killed = relays.filter((pid) => {
    try {
      Deno.kill(Number(pid), "SIGKILL");
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false; // it served the connection that is over
      throw error;
    }
  });
  assert(killed.length > 0);
  await drey`list`;
  await eventually("the port answers again", answers);
  await drey`stop -f c1`;
  await inside.status;
});

await e2e(
  "a proxy tells by HAProxy's protocol who asks, and with nat connects to the address of the instance",
  {
    needs: ["subids", "network"],
  },
  async (drey) => {
    await drey`network create lab ipv4.address=10.134.0.1/24 ipv6.address=none`;
    await drey`launch tiny c1 --network lab -d eth0,ipv4.address=10.134.0.5`;
    await dhcp(drey, "c1");
    const [told, led] = [freePort(), freePort()];
    const inside = drey.spawn([
      "exec",
      "c1",
      "--",
      "socat",
      "TCP-LISTEN:80,fork,reuseaddr",
      "SYSTEM:echo $SOCAT_SOCKADDR; cat",
    ]);
    await drey`config device add c1 told proxy listen=tcp:127.0.0.1:${told} connect=tcp:127.0.0.1:80 proxy_protocol=true`;
    await drey`config device add c1 led proxy listen=tcp:127.0.0.1:${led} connect=tcp:10.134.0.5:80 nat=true`;
    const hear = async (port: number) => await ask({ hostname: "127.0.0.1", port }, "hello").catch(() => "");
    await eventually("both answer", async () => await hear(told) !== "" && await hear(led) !== "");
    assertMatch(
      await hear(told),
      new RegExp(`^127.0.0.1\\nPROXY TCP4 127.0.0.1 127.0.0.1 \\d+ ${told}\\r\\nhello$`),
    );
    assertEquals(await hear(led), "10.134.0.5\nhello", "not the instance's loopback");
    const elsewhere = await drey
      .tries`config device add c1 no proxy listen=tcp:127.0.0.1:${freePort()} connect=tcp:10.134.0.6:80 nat=true`;
    assertMatch(elsewhere.stderr, /must be one of the instance's static ipv4 addresses/);
    await drey`stop -f c1`;
    await inside.status;
  },
);
