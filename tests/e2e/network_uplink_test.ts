import { assert, assertEquals } from "@std/testing";
import { parseSubnet } from "../../config/address.ts";
import { uplinkArgs, type UplinkTool } from "../../network/uplink.ts";
import { readIfThere } from "../../sys/present.ts";
import { kill, run } from "../../sys/run.ts";
import { e2e } from "../support/drey.ts";
import { eventually } from "../support/eventually.ts";
import { dhcp, hubProcesses } from "../support/network.ts";

const needs = ["subids", "network", "uplink", "user"] as const;

/** An address of the host that is not its loopback's. */
const hostAddress = () =>
  Deno.networkInterfaces().find(({ family, name }) => family === "IPv4" && name !== "lo")?.address;

/** Something that says hello on an address of the host, until it is disposed of. */
function openGreeter(hostname: string): Disposable & { port: number } {
  const listener = Deno.listen({ hostname, port: 0 });
  void (async () => {
    for await (const connection of listener) {
      await connection.write(new TextEncoder().encode("hello\n"));
      connection.close();
    }
  })();
  const { port } = listener.addr as Deno.NetAddr;
  return { port, [Symbol.dispose]: () => listener.close() };
}

for (const tool of ["slirp4netns", "pasta"] as const) {
  await e2e(`${tool} leads out of a namespace, and not to the host's loopback device`, {
    needs: [...needs, tool],
    images: [],
  }, async () => {
    const host = hostAddress();
    if (host === undefined) return console.log("the host has no address but its loopback's");
    using outside = openGreeter(host);
    using loopback = openGreeter("127.0.0.1");
    await using namespace = await openNamespace(tool);
    const hears = async (address: string, port: number) =>
      (await namespace.run("socat", "-u", `TCP:${address}:${port},connect-timeout=2`, "-")).stdout;
    await eventually("there is a way out", async () => (await hears(host, outside.port)) === "hello\n");
    for (const address of ["127.0.0.1", "10.255.254.2"]) {
      assertEquals(await hears(address, loopback.port), "", `${address} leads to the host's loopback device`);
    }
  });
}

/** A namespace with a way out, as a hub has one. */
async function openNamespace(tool: UplinkTool) {
  const child = new Deno.Command("unshare", {
    args: ["-Urn", "sh", "-c", "ip link set lo up; exec sleep 600"],
  })
    .spawn();
  const own = Deno.readLinkSync("/proc/self/ns/net");
  await eventually(
    "it is there",
    () => Promise.resolve(Deno.readLinkSync(`/proc/${child.pid}/ns/net`) !== own),
  );
  const plan = { subnet: parseSubnet("10.255.254.0/24")!, hasIpv6: false };
  const [program = "", ...args] = uplinkArgs(tool, plan).map((word) =>
    word.replace("$keeper", String(child.pid))
  );
  const uplink = new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" }).spawn();
  return {
    run: (...argv: string[]) =>
      run(["nsenter", "-t", String(child.pid), "-U", "-n", "--preserve-credentials", ...argv]),
    async [Symbol.asyncDispose]() {
      for (const process of [uplink, child]) {
        kill(process, "SIGKILL");
        await process.status;
      }
    },
  };
}

await e2e("the way out comes back by itself after SIGKILL, and costs little", { needs }, async (drey) => {
  const host = hostAddress();
  if (host === undefined) return console.log("the host has no address but its loopback's");
  using outside = openGreeter(host);
  await drey`launch tiny c1`;
  await dhcp(drey, "c1");
  const hears = async () => {
    const argv = ["exec", "c1", "--", "socat", "-u", `TCP:${host}:${outside.port},connect-timeout=2`, "-"];
    return (await drey.run(argv)).stdout === "hello\n";
  };
  await eventually("the host answers", hears);
  const uplink = () => hubProcesses(drey).find(({ argv }) => /^(slirp4netns|pasta)/.test(argv))?.pid;
  const before = uplink();
  assert(before !== undefined);
  Deno.kill(before, "SIGKILL");
  await eventually("the host answers again", async () => uplink() !== before && await hears());
  const sizes = hubProcesses(drey).map(({ pid }) =>
    Number(/^Pss:\s+(\d+)/m.exec(readIfThere(`/proc/${pid}/smaps_rollup`) ?? "")?.[1] ?? 0)
  );
  const sum = sizes.reduce((all, size) => all + size, 0);
  assert(sum > 0 && sum < 15 * 1024, `the hub takes ${sum} KiB: ${sizes.join(", ")}`);
});
