// drey copy and drey move from one server to another.

import type { Client } from "../../client/client.ts";
import { migrate, migrationEnd, type MigrationMode } from "../../client/migration.ts";
import type { Remote } from "../../client/remotes.ts";
import { DreyError } from "../../errors.ts";
import type { Config, InstancesPost } from "../../wire/instance.ts";
import type { Shell } from "../shell.ts";
import { splitSnapshot } from "./snapshot.ts";

/** What goes where. */
export interface Between {
  from: { remote: Remote; name: string };
  /** an empty name is that of the source */
  to: { remote: Remote; name: string };
  /** what the copy is to have instead of what the source has */
  changes: Partial<InstancesPost>;
  /** of the transfer, if one was typed */
  mode: string | undefined;
  /** whether it keeps what a copy is given anew, such as MAC addresses */
  isMove: boolean;
}

/** Copies an instance or a snapshot to another server. */
export async function copyBetween(shell: Shell, { from, to, changes, mode, isMove }: Between): Promise<void> {
  const { typed } = shell;
  const [source, target] = [await shell.connect(from.remote), await shell.connect(to.remote)];
  const { name, snapshot } = splitSnapshot(from.name);
  const refresh = typed.command.path === "copy" && typed.has("refresh");
  if (refresh && snapshot !== undefined) {
    throw new DreyError("BAD_REQUEST", { message: "--refresh can only be used with instances" });
  }
  const project = typed.text("target-project");
  const alone = { instance_only: typed.has("instance-only"), container_only: typed.has("instance-only") };
  const whole = await described(source, { name, snapshot, isMove });
  const [sourceEnd, targetEnd] = [
    await migrationEnd(source, from.remote.address),
    await migrationEnd(target, to.remote.address),
  ];
  const { config = {}, devices = {} } = whole;
  const post = {
    ...whole,
    ...changes,
    config: { ...config, ...changes.config },
    devices: { ...devices, ...changes.devices },
    name: to.name || name,
  };
  const params = { name };
  await migrate({
    ...mode !== undefined && { mode: mode as MigrationMode },
    source: {
      ...sourceEnd,
      send: (place) => {
        const target = place && { target: place };
        if (snapshot === undefined) {
          const body = { name, migration: true, live: false, ...alone, ...target };
          return source.start("instance.rename", { params, body });
        }
        const body = { name: post.name, migration: true, live: false, ...target };
        return source.start("snapshot.rename", { params: { name, snapshot }, body });
      },
    },
    target: {
      ...targetEnd,
      receive: (meeting) =>
        target.start("instances.create", {
          body: { ...post, source: { type: "migration", refresh, live: false, ...alone, ...meeting } },
          query: { project },
        }),
    },
    wait: (running) => shell.wait(running, from.name),
  });
  if (typed.command.path === "copy" && typed.has("start")) {
    await startCopy(shell, target, { name: post.name, project });
  }
}

async function startCopy(
  shell: Shell,
  client: Client,
  { name, project }: { name: string; project: string | undefined },
): Promise<void> {
  const body = { action: "start" } as const;
  await shell.wait(
    await client.start("instance.state.change", { params: { name }, body, query: { project } }),
    name,
  );
}

/** The settings of the source as those of a new instance. */
async function described(
  client: Client,
  { name, snapshot, isMove }: { name: string; snapshot: string | undefined; isMove: boolean },
): Promise<Omit<InstancesPost, "source">> {
  const instance = await client.call("instance.get", { params: { name } });
  const state = snapshot === undefined
    ? instance
    : await client.call("snapshot.get", { params: { name, snapshot } });
  const { architecture, ephemeral, profiles, devices, config } = state;
  const travels = (key: string) =>
    !key.startsWith("volatile.") || key === "volatile.base_image" || isMove && key.endsWith(".hwaddr");
  const kept: Config = Object.fromEntries(Object.entries(config).filter(([key]) => travels(key)));
  const { type, description } = instance;
  return { architecture, ephemeral, profiles, devices, config: kept, type, description };
}

/** Moves an instance to another server: a copy, after which the source goes. */
export async function moveBetween(
  shell: Shell,
  { from, to, mode }: Pick<Between, "from" | "to" | "mode">,
): Promise<void> {
  if (splitSnapshot(from.name).snapshot !== undefined) {
    throw new DreyError("BAD_REQUEST", {
      message: "A snapshot cannot be moved to another server",
      hint:
        `Copy it, and it becomes an instance: drey copy ${from.remote.name}:${from.name} ${to.remote.name}:NAME`,
    });
  }
  const source = await shell.connect(from.remote);
  const params = { name: from.name };
  const { status, config } = await source.call("instance.get", { params });
  if (status !== "Stopped") {
    throw new DreyError("INSTANCE_STATE", {
      message:
        `Cannot move instance "${from.name}" to another server while it runs: live migration is not supported`,
      hint: `Run: drey stop ${from.remote.name}:${from.name}`,
    });
  }
  if (config["security.protection.delete"] === "true") {
    throw new DreyError("BAD_REQUEST", {
      message: `Cannot move instance "${from.name}": it is protected against deletion`,
      hint: "Copy it instead, or unset security.protection.delete",
    });
  }
  const changes = await storage(shell, source, from.name);
  await copyBetween(shell, { from, to, changes, mode, isMove: true });
  await shell.wait(await source.start("instance.delete", { params }), from.name);
}

/** Another pool for the root. */
async function storage(shell: Shell, client: Client, name: string): Promise<Partial<InstancesPost>> {
  const pool = shell.typed.text("storage");
  if (pool === undefined) return {};
  const { rootIn } = await import("./copy.ts");
  return { devices: await rootIn(client, { source: name, pool }) };
}
