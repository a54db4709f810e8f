// Addresses that DHCP has given to an instance that is gone, given back where its network is up: otherwise whoever makes
// and deletes hundreds in an hour would have none left. Networks that are down are the matter of lease_files.ts.

import { join } from "@std/path";
import { formatAddress } from "../../config/address.ts";
import { DreyError } from "../../errors.ts";
import { parseLeases } from "../../network/dnsmasq.ts";
import { inHub } from "../../network/hub.ts";
import { releaseProgram } from "../../network/release.pl.ts";
import { readIfThere } from "../../sys/present.ts";
import { run } from "../../sys/run.ts";
import type { Context } from "../context.ts";
import type { InstanceRecord } from "../instances/record.ts";
import { hubDirectory, networksUp } from "./hub_state.ts";
import { addressesOf } from "./lease_files.ts";
import { subnetOf } from "./plan.ts";
import { networkDirectory, networkRecords } from "./record.ts";

/** Costs a look at each network's leases, and a process where there is one to give back. */
export async function releaseLeases(context: Context, gone: InstanceRecord): Promise<void> {
  const nics = new Set(addressesOf(gone));
  for (const network of networksUp(context)) {
    const text = readIfThere(join(networkDirectory(context, network), "leases")) ?? "";
    const leases = parseLeases(text).filter(({ hwaddr }) => nics.has(hwaddr));
    if (leases.length > 0) await release(context, network, leases);
  }
}

async function release(
  context: Context,
  network: string,
  leases: readonly { address: string; hwaddr: string }[],
): Promise<void> {
  const found = (await networkRecords(context)).find(({ ref }) => ref.name === network);
  const subnet = found === undefined ? undefined : subnetOf(found.record.config, 4);
  if (subnet === undefined) return;
  const words = leases.map(({ address, hwaddr }) => `${address},${hwaddr}`);
  const directory = networkDirectory(context, network);
  const argv = ["perl", "-e", releaseProgram, network, formatAddress(subnet), directory, ...words];
  try {
    // what goes wrong is that the network goes meanwhile: it forgets them when it is up again
    await run(inHub(hubDirectory(context), argv));
  } catch (error) {
    if (!(error instanceof DreyError && error.code === "CONFLICT")) throw error; // its hub is gone already
  }
}
