// The NICs of a profile held against their networks: what holds for every instance that is to have them.

import { DreyError } from "../../errors.ts";
import type { Devices } from "../../wire/instance.ts";
import type { Context, Ref } from "../context.ts";
import { effectiveProject } from "../projects/effective.ts";
import { checkAddresses } from "./nic_plan.ts";
import { defaultNetwork, networkKey, type NetworkRecord } from "./record.ts";

/**
 * Holds the NICs of a profile against the networks they name.
 *
 * @throws {DreyError} `NOT_FOUND` for a network, `BAD_REQUEST` for an address it cannot give
 */
export async function checkProfileNics(context: Context, { project }: Ref, devices: Devices): Promise<void> {
  for (const [name, device] of Object.entries(devices)) {
    const network = device["type"] === "nic" ? device["network"] : undefined;
    if (!network) continue;
    const key = networkKey({ project: await effectiveProject(context, project, "networks"), name: network });
    const record = (await context.store.get<NetworkRecord>(key))?.value;
    if (record?.type === "bridge") checkAddresses(name, device, record.config);
    // the default one comes with its first use
    if (record !== undefined || network === defaultNetwork) continue;
    throw new DreyError("NOT_FOUND", {
      message: `Device "${name}": network "${network}" not found`,
      hint: "See the networks there are: drey network list",
    });
  }
}
