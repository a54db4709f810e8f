// Relays: small processes that lead ports and sockets from one side to another. One holder looks after all of a drey's;
// it is there while there is a relay.

import { join } from "@std/path";
import { DreyError } from "../../errors.ts";
import {
  endHub,
  isHubSound,
  reviveHub,
  serviceNames,
  startHub,
  startService,
  stopService,
} from "../../network/hub.ts";
import { type RelayEnd, type RelayPlan, relayProgram, relayText } from "../../network/relay.pl.ts";
import { supervisorsCgroup } from "../../runtime/cgroups.ts";
import { closeFd, makePipe, O_RDWR, openFd } from "../../sys/descriptors.ts";
import { isReadable } from "../../sys/poll.ts";
import { exists, readIfThere, removeIfThere } from "../../sys/present.ts";
import { planHome } from "../cgroup_home.ts";
import type { Context } from "../context.ts";
import { relayDirectory as directory } from "./nic_files.ts";

/** `milliseconds` a relay has to listen before whoever asked for it goes on */
const patience = 5000;

const cgroupOf = (context: Context) => {
  const home = planHome(context)?.path;
  const cgroup = home === undefined ? undefined : supervisorsCgroup(home);
  return cgroup !== undefined && exists(cgroup) ? cgroup : undefined;
};

/** Starts a relay, or replaces the one of that name without a word to the connections it serves. */
export async function startRelay(context: Context, name: string, plan: RelayPlan): Promise<void> {
  await using _lock = await context.store.lock(["relays"]);
  const run = directory(context);
  const known = (readIfThere(join(run, `${name}.plan`)) ?? "").split("\n");
  const isNew = ({ protocol, host, port }: RelayEnd) =>
    !known.some((line) => line.startsWith(`pair\t${protocol}\t${host}\t${port}\t`));
  for (const { listen } of plan.pairs) {
    if (plan.listenAt === "host" && isNew(listen)) await refuseTaken(listen);
  }
  await begin(context, name, plan);
}

/** The same for one that cannot listen yet: its holder starts it again, later and later, until it can. */
export async function tryRelay(context: Context, name: string, plan: RelayPlan): Promise<void> {
  await using _lock = await context.store.lock(["relays"]);
  await begin(context, name, plan);
}

async function begin(context: Context, name: string, plan: RelayPlan): Promise<void> {
  const run = directory(context);
  if (!isHubSound(run) && !await reviveHub(run, cgroupOf(context))) {
    await startHub({ directory: run, enter: undefined, setup: "", services: [], cgroup: cgroupOf(context) });
  }
  const [program, file] = [join(run, "relay.pl"), join(run, `${name}.plan`)];
  Deno.writeTextFileSync(program, relayProgram);
  Deno.writeTextFileSync(file, relayText(plan));
  const service = { name, argv: ["/usr/bin/perl", program, file], isInside: false };
  await telling(`${file}.told`, () => startService(run, service));
}

/** Starts what writes to a pipe of this path once it is ready, and waits for that: not forever, for it goes on trying. */
async function telling(path: string, start: () => Promise<void>): Promise<void> {
  removeIfThere(path);
  makePipe(path);
  const pipe = openFd(path, O_RDWR);
  try {
    await start();
    await isReadable(pipe, patience);
  } finally {
    closeFd(pipe);
    removeIfThere(path);
  }
}

/** Names of the relays there are. */
export const relayNames = (context: Context): string[] => serviceNames(directory(context));

/** Ends a relay, if there is one, and with the last one their holder. */
export async function stopRelay(context: Context, name: string): Promise<void> {
  const run = directory(context);
  if (!serviceNames(run).includes(name)) return;
  await using _lock = await context.store.lock(["relays"]);
  const file = join(run, `${name}.plan`);
  for (const line of (readIfThere(file) ?? "").split("\n")) {
    const [what, protocol, path = ""] = line.split("\t");
    if (what === "pair" && protocol === "unix" && path.startsWith("/") && isHostSocket(file)) {
      removeIfThere(path);
    }
  }
  stopService(run, name);
  removeIfThere(file);
  if (serviceNames(run).length === 0) await endHub(run);
}

const isHostSocket = (file: string) => (readIfThere(file) ?? "").startsWith("at\tlisten\thost\n");

/** Mends the relays' holder, if it was killed; one without relays was about to end. */
export async function mendRelays(context: Context): Promise<void> {
  const run = directory(context);
  if (!exists(run) || isHubSound(run)) return;
  await using _lock = await context.store.lock(["relays"]);
  if (!exists(run) || isHubSound(run)) return;
  await (serviceNames(run).length === 0 ? endHub(run) : reviveHub(run, cgroupOf(context)));
}

/**
 * Tries an address of the host before a relay does, which has nobody to tell.
 *
 * @param options.isForeign whether it may be an address that the host does not have, or not yet
 * @throws {DreyError} `CONFLICT` if somebody listens there, `FORBIDDEN` for a port of root's
 */
export async function refuseTaken(
  { protocol, host, port }: RelayEnd,
  { isForeign = false } = {},
): Promise<void> {
  try {
    if (protocol === "tcp") Deno.listen({ hostname: host, port }).close();
    else if (protocol === "udp") await tryDatagrams(host, port);
  } catch (error) {
    if (isForeign && (error instanceof Deno.errors.AddrNotAvailable || hasCode(error, "EADDRNOTAVAIL"))) {
      return;
    }
    throw refusal(error, `${protocol}:${host.includes(":") ? `[${host}]` : host}:${port}`, port);
  }
}

async function tryDatagrams(host: string, port: number): Promise<void> {
  const { createSocket } = await import("node:dgram");
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.bind({ address: host, port }, () => socket.close(resolve));
  });
}

const hasCode = (error: unknown, code: string) =>
  error instanceof Error && "code" in error && error.code === code;

function refusal(error: unknown, address: string, port: number): DreyError {
  if (error instanceof Deno.errors.PermissionDenied || hasCode(error, "EACCES")) {
    const first = (readIfThere("/proc/sys/net/ipv4/ip_unprivileged_port_start") ?? "1024").trim();
    return new DreyError("FORBIDDEN", {
      message: `Cannot listen on ${address}: ports below ${first} are root's on this host`,
      hint:
        `Choose a higher port, or ask an administrator to run: sysctl -w net.ipv4.ip_unprivileged_port_start=${port}`,
      cause: error,
    });
  }
  if (error instanceof Deno.errors.AddrInUse || hasCode(error, "EADDRINUSE")) {
    return new DreyError("CONFLICT", {
      message: `Cannot listen on ${address}: the address is in use`,
      cause: error,
    });
  }
  return new DreyError("BAD_REQUEST", {
    message: `Cannot listen on ${address}: ${error instanceof Error ? error.message : String(error)}`,
    cause: error,
  });
}
