// Who obeys which access control list: networks, and NICs of instances and profiles.

import { parts } from "../../config/acl_rules.ts";
import type { Devices } from "../../wire/instance.ts";
import type { Context } from "../context.ts";
import type { InstanceRecord } from "../instances/record.ts";
import { listProfiles } from "../profiles.ts";
import { networkRecords } from "./record.ts";

/** Addresses of the users of each ACL. */
export async function aclUsers(context: Context): Promise<Map<string, string[]>> {
  const users = new Map<string, string[]>();
  const note = (acls: string | undefined, address: string) => {
    for (const acl of parts(acls)) users.set(acl, [...users.get(acl) ?? [], address]);
  };
  const noteNics = (devices: Devices, address: string) => {
    for (const device of Object.values(devices)) {
      if (device["type"] === "nic") note(device["security.acls"], address);
    }
  };
  for (const { ref, record } of await networkRecords(context)) {
    note(record.config["security.acls"], `/1.0/networks/${encodeURIComponent(ref.name)}`);
  }
  for (const { key, value } of await context.store.list<InstanceRecord>(["instances"])) {
    if (key.length === 3) noteNics(value.devices, `/1.0/instances/${encodeURIComponent(key[2] ?? "")}`);
  }
  for (const { name, devices } of await listProfiles(context)) {
    noteNics(devices, `/1.0/profiles/${encodeURIComponent(name)}`);
  }
  return users;
}
