// Proxy devices: a relay between the host and an instance, begun before the instance's init runs.

import * as keys from "../../config/devices/proxy.ts";
import { parseProxyAddress, type ProxyAddress } from "../../config/devices/proxy.ts";
import { readKey } from "../../config/key.ts";
import { DreyError } from "../../errors.ts";
import type { PortRule } from "../../network/port_rules.ts";
import type { RelayEnd, RelayPlan } from "../../network/relay.pl.ts";
import type { Device } from "../../wire/instance.ts";
import { nicName } from "../networks/nic_files.ts";
import { refuseTaken, startRelay, stopRelay } from "../networks/relays.ts";
import type { DeviceSite, DeviceType, LiveSite, StartParts, StartSite } from "./device.ts";

export const proxy: DeviceType = { start, stopped, add, remove: stopped };

function start(site: StartSite): StartParts {
  return { attach: (pid) => begin(site, pid) };
}

async function add(site: LiveSite): Promise<void> {
  await begin(site, site.pid);
}

async function stopped({ context, ref, name }: DeviceSite): Promise<void> {
  await stopRelay(context, nicName(ref, name));
  const { closeHostPorts } = await import("../networks/host_ports.ts");
  await closeHostPorts(context, nicName(ref, name));
}

async function begin(site: StartSite | LiveSite, pid: number): Promise<void> {
  const { context, ref, name, device } = site;
  if (readKey(device, keys.nat)) return await beginNat(site, pid);
  if (site.type === "virtual-machine") {
    throw new DreyError("NOT_SUPPORTED", {
      message: `Device "${name}": only proxies with nat=true lead into virtual machines`,
      hint: "Give the NIC a static ipv4.address, then set nat=true",
    });
  }
  await startRelay(context, nicName(ref, name), planRelay(device, pid));
}

/** Leads to the address of the instance: by the kernel where that can be done, which tells who asks. */
async function beginNat({ context, ref, name, device, config, devices }: StartSite | LiveSite, pid: number) {
  const target = natTarget(device, { config, devices });
  const plan = planRelay(device, pid);
  const pairs = plan.pairs.map(({ listen, connect }) => ({ listen, connect: { ...connect, host: target } }));
  const { isLedByKernel, openHostPorts } = await import("../networks/host_ports.ts");
  const led = pairs.filter(({ listen }) => isLedByKernel(context, listen.host));
  // a relay takes what the kernel does not: a user's ports, and the loopback device's
  const left = pairs.filter(({ listen }) =>
    !led.some((pair) => pair.listen === listen) || isAny(listen.host)
  );
  if (left.length > 0) {
    const { hubKeeper } = await import("../networks/hub_state.ts");
    const connectAt = hubKeeper(context);
    await startRelay(context, nicName(ref, name), { ...plan, pairs: left, connectAt, drop: undefined });
  }
  if (led.length === 0) return;
  for (const { listen } of led) if (!isAny(listen.host)) await refuseTaken(listen, { isForeign: true });
  await openHostPorts(context, nicName(ref, name), led.map(portRule));
}

const isAny = (host: string) => host === "0.0.0.0" || host === "::";

function portRule({ listen, connect }: RelayPlan["pairs"][number]): PortRule {
  const { protocol } = listen;
  if (protocol === "unix") throw new Error("the kernel leads no unix sockets");
  return {
    listen: isAny(listen.host) ? { any: listen.host === "::" ? 6 : 4 } : listen.host,
    port: { protocol, number: listen.port },
    target: { address: connect.host, port: connect.port },
  };
}

/** What a device asks of a relay. */
function planRelay(device: Device, pid: number): RelayPlan {
  const isHost = (readKey(device, keys.bind) ?? "host") === "host";
  const from = ends(parseProxyAddress(device["listen"] ?? ""));
  const to = ends(parseProxyAddress(device["connect"] ?? ""));
  const pairs = from.map((listen, index) => ({ listen, connect: to[index] ?? to[0]! }));
  return {
    pairs,
    listenAt: isHost ? "host" : pid,
    connectAt: isHost ? pid : "host",
    // a user's socket on the host stays the user's, whom nobody else is there
    own: {
      uid: isHost && !device["uid"] ? undefined : readKey(device, keys.uid),
      gid: isHost && !device["gid"] ? undefined : readKey(device, keys.gid),
      mode: readKey(device, keys.socketMode) ?? 0o644,
    },
    drop: isHost
      ? { uid: readKey(device, keys.securityUid) ?? 0, gid: readKey(device, keys.securityGid) ?? 0 }
      : undefined,
    haproxy: readKey(device, keys.proxyProtocol) ?? false,
  };
}

function ends(address: ProxyAddress | undefined): RelayEnd[] {
  if (address === undefined) return [];
  if (address.protocol === "unix") return [{ protocol: "unix", host: address.path, port: 0 }];
  return address.ports.map((port) => ({ protocol: address.protocol, host: address.host, port }));
}

/** The instance's own address, which nat connects to: a static one, so that it stays. */
function natTarget(device: Device, { config, devices }: Pick<StartSite, "config" | "devices">): string {
  const to = parseProxyAddress(device["connect"] ?? "");
  const wanted = to !== undefined && to.protocol !== "unix" ? to.host : "";
  const family = wanted.includes(":") ? "ipv6" : "ipv4";
  const nics = Object.entries(devices).filter(([, nic]) => nic["type"] === "nic");
  const own = nics.map(([name, nic]) =>
    nic[`${family}.address`] || config[`volatile.${name}.${family}.address`]
  );
  const any = wanted === "0.0.0.0" || wanted === "::";
  const found = own.find((address) => address && address !== "none" && (any || address === wanted));
  if (found) return found;
  throw new DreyError("BAD_REQUEST", {
    message:
      `Cannot use nat: connect IP "${wanted}" must be one of the instance's static ${family} addresses`,
    hint: `Set one: drey config device set INSTANCE eth0 ${family}.address=…`,
  });
}
