// drey copy: an instance or a snapshot as another instance.

import { DreyError } from "../../errors.ts";
import type { Client } from "../../client/client.ts";
import { createdInstance } from "../../client/operations.ts";
import type { Devices, InstancesPost } from "../../wire/instance.ts";
import { keyValues, resolveName, resolveOnServer } from "../resolve.ts";
import type { Shell } from "../shell.ts";
import { splitSnapshot } from "./snapshot.ts";

export async function copy(shell: Shell): Promise<void> {
  const [from = "", to] = shell.typed.args;
  const { remote, name } = resolveName(from, "instance");
  const target = to === undefined ? { remote, name: "" } : resolveOnServer(to);
  const client = await shell.connect(remote);
  const { typed } = shell;
  if (target.remote !== remote) {
    const { copyBetween } = await import("./copy_between.ts");
    const changes = await settings(shell, client, name);
    const mode = typed.text("mode");
    return await copyBetween(shell, { from: { remote, name }, to: target, changes, mode, isMove: false });
  }
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
      ...(client.project === undefined ? {} : { project: client.project }),
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
  if (target.name === "") shell.print(`Instance name is: ${createdInstance(ended)}\n`);
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
  if (pool !== undefined) Object.assign(devices, withPool(known, pool));
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

/** The root disk among devices, in another pool. */
function withPool(devices: Devices, pool: string): Devices {
  const [name = "root", root = { type: "disk", path: "/" }] =
    Object.entries(devices).find(([, { type, path }]) => type === "disk" && path === "/") ?? [];
  return { [name]: { ...root, pool } };
}

/** The root disk of an instance, in another pool. */
export async function rootIn(
  client: Client,
  { source, pool }: { source: string; pool: string },
): Promise<Devices> {
  return withPool(await devicesOf(client, source), pool);
}

async function devicesOf(client: Client, source: string): Promise<Devices> {
  const { name, snapshot } = splitSnapshot(source);
  const found = snapshot === undefined
    ? await client.call("instance.get", { params: { name } })
    : await client.call("snapshot.get", { params: { name, snapshot } });
  return found.expanded_devices;
}
