// drey copy: an instance or a snapshot as another instance.

import { DreyError } from "../../errors.ts";
import type { Client } from "../../client/client.ts";
import type { Devices, InstancesPost } from "../../wire/instance.ts";
import type { Operation } from "../../wire/operation.ts";
import { keyValues, resolveName, resolveOnServer } from "../resolve.ts";
import type { Shell } from "../shell.ts";
import { splitSnapshot } from "./snapshot.ts";

export async function copy(shell: Shell): Promise<void> {
  const [from = "", to] = shell.typed.args;
  const { remote, name } = resolveName(from, "instance");
  const target = to === undefined ? { remote, name: "" } : resolveOnServer(to);
  if (target.remote !== remote) {
    throw new DreyError("NOT_SUPPORTED", { message: "Copying to another server is not supported yet" });
  }
  const client = await shell.connect(remote);
  const { typed } = shell;
  const refresh = typed.has("refresh");
  if (refresh && target.name === "") {
    throw new DreyError("BAD_REQUEST", { message: "Say which instance is to be refreshed" });
  }
  const body: InstancesPost = {
    ...(target.name === "" ? {} : { name: target.name }),
    ...await settings(shell, client, name),
    source: {
      type: "copy",
      source: name,
      ...(typed.text("project") === undefined ? {} : { project: typed.text("project")! }),
      instance_only: typed.has("instance-only"),
      refresh,
      ...(typed.has("stateless") ? { live: false } : {}),
    },
    ...(typed.has("start") ? { start: true } : {}),
  };
  const project = typed.text("target-project");
  const query = project === undefined ? {} : { project };
  const ended = await shell.wait(
    await client.start("instances.create", { body, query }),
    target.name || name,
  );
  if (target.name === "") shell.print(`Instance name is: ${createdName(ended)}\n`);
}

/** What the copy is to have instead of what the source has. */
async function settings(shell: Shell, client: Client, source: string): Promise<Partial<InstancesPost>> {
  const { typed } = shell;
  const pool = typed.text("storage");
  const profiles = typed.has("no-profiles") ? [] : typed.has("profile") ? typed.list("profile") : undefined;
  const config = keyValues(typed.list("config"));
  const needsDevices = pool !== undefined || typed.has("device");
  const known = needsDevices ? await devicesOf(client, source) : {};
  const devices: Devices = {};
  if (pool !== undefined) {
    const [name = "root", root = { type: "disk", path: "/" }] =
      Object.entries(known).find(([, { type, path }]) => type === "disk" && path === "/") ?? [];
    devices[name] = { ...root, pool };
  }
  for (const text of typed.list("device")) {
    const [name = "", ...words] = text.split(",");
    if (words.length === 0) {
      throw new DreyError("BAD_REQUEST", { message: `Expected device,key=value, got "${text}"` });
    }
    devices[name] = { ...(devices[name] ?? known[name] ?? {}), ...keyValues(words) };
  }
  return {
    config,
    devices,
    ...(profiles === undefined ? {} : { profiles }),
    ...(typed.has("ephemeral") ? { ephemeral: true } : {}),
  };
}

async function devicesOf(client: Client, source: string): Promise<Devices> {
  const { name, snapshot } = splitSnapshot(source);
  const found = snapshot === undefined
    ? await client.call("instance.get", { params: { name } })
    : await client.call("snapshot.get", { params: { name, snapshot } });
  return found.expanded_devices;
}

function createdName({ resources }: Operation): string {
  return decodeURIComponent((resources?.instances?.[0] ?? "").split("/").at(-1) ?? "");
}
