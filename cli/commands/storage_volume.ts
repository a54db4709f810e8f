// drey storage volume: custom volumes of storage pools.

import type { Client } from "../../client/client.ts";
import { DreyError } from "../../errors.ts";
import {
  type StorageVolume,
  storageVolumePut,
  storageVolumesPost,
  volumeSnapshotPut,
} from "../../wire/storage_volume.ts";
import { chooseColumns, type Columns, toTable } from "../columns.ts";
import { binarySize, type Format, formatList, toYaml } from "../output.ts";
import { resolveOnServer } from "../resolve.ts";
import { type Owner, readSettings, type Settings, settingsCommands } from "../settings.ts";
import type { Shell } from "../shell.ts";
import type { Between } from "./storage_volume_between.ts";
import { type NamedVolume, readPlaced, readVolume, tell, waitIfBegun } from "../volumes.ts";

export const { get, set, unset, edit } = settingsCommands(open, 2);

export async function list(shell: Shell): Promise<void> {
  const { remote, name } = resolveOnServer(shell.typed.args[0] ?? "");
  const client = await shell.connect(remote);
  const isWide = shell.typed.has("all-projects");
  const query = { recursion: 1, "all-projects": isWide || undefined } as const;
  const found = name === ""
    ? await client.call("volumes.all", { query })
    : await client.call("volumes.list", { params: { pool: name }, query });
  const wanted = shell.typed.args.slice(1);
  const shown = found.filter((volume) => wanted.every((word) => matches(volume, word)));
  const asked = shell.typed.text("columns") ?? "";
  const letters = `${isWide ? "e" : ""}${name === "" ? "p" : ""}`.replace(
    /./g,
    (letter) => asked.includes(letter) ? "" : letter,
  ) + asked;
  const rows = letters.includes("U")
    ? await Promise.all(shown.map((volume) => measured(client, volume)))
    : shown;
  const table = toTable(rows, chooseColumns(letters, columns));
  shell.print(await formatList(shell.typed.text("format") as Format, table, shown));
}

type Listed = StorageVolume & { used?: number };

const columns: Columns<Listed> = {
  e: { header: "PROJECT", cell: ({ project }) => project },
  p: { header: "POOL", cell: ({ pool }) => pool },
  t: { header: "TYPE", cell: ({ type, name }) => name.includes("/") ? `${type} (snapshot)` : type },
  n: { header: "NAME", cell: ({ name }) => name },
  d: { header: "DESCRIPTION", cell: ({ description }) => description },
  c: { header: "CONTENT-TYPE", cell: ({ content_type }) => content_type },
  u: { header: "USED BY", cell: ({ used_by }) => String(used_by.length) },
  U: { header: "USAGE", cell: ({ used }) => used === undefined ? "" : binarySize(used) },
  L: { header: "LOCATION", cell: ({ location }) => location },
};

/** With the space it takes, which of a snapshot nobody knows. */
async function measured(client: Client, volume: StorageVolume): Promise<Listed> {
  if (volume.name.includes("/")) return volume;
  const params = { pool: volume.pool, type: volume.type, volume: volume.name };
  try {
    const { usage } = await client.call("volume.state", { params, query: { project: volume.project } });
    return { ...volume, used: usage.used };
  } catch (error) {
    // deleted meanwhile, or of a kind that nobody measures
    if (error instanceof DreyError && ["NOT_FOUND", "NOT_SUPPORTED"].includes(error.code)) return volume;
    throw error;
  }
}

/** `key=value` compares a field, any other word is the beginning of a name. */
function matches(volume: StorageVolume, word: string): boolean {
  const at = word.indexOf("=");
  if (at < 0) return volume.name.startsWith(word);
  return String({ ...volume }[word.slice(0, at) as keyof StorageVolume] ?? "") === word.slice(at + 1);
}

export async function create(shell: Shell): Promise<void> {
  const { client, params: { pool }, volume, snapshot } = await readVolume(shell);
  if (snapshot !== undefined) {
    throw new DreyError("BAD_REQUEST", {
      message: `Invalid name of a storage volume "${shell.typed.args[1]}"`,
      hint: `For a snapshot of a volume: drey storage volume snapshot ${pool} ${volume} ${snapshot}`,
    });
  }
  const { description, config } = await readSettings(shell, shell.typed.args.slice(2), storageVolumesPost);
  const body = {
    name: volume,
    type: "custom",
    content_type: shell.typed.text("type") ?? "filesystem",
    description,
    config,
  };
  const params = { pool, type: "custom" };
  const upload = { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  const answer = await client.call("volumes.typed.create", { params, upload });
  await waitIfBegun(shell, { client, answer, label: volume });
  shell.print(`Storage volume ${volume} created\n`);
}

export async function show(shell: Shell): Promise<void> {
  const { client, params, snapshot } = await readVolume(shell);
  shell.print(
    await toYaml(
      snapshot === undefined
        ? await client.call("volume.get", { params })
        : await client.call("volume.snapshot.get", { params: { ...params, snapshot } }),
    ),
  );
}

export async function info(shell: Shell): Promise<void> {
  const { client, params } = await readVolume(shell);
  const volume = await client.call("volume.get", { params });
  const { usage: { used, total } } = await client.call("volume.state", { params });
  const snapshots = await client.call("volume.snapshots.list", { params, query: { recursion: 1 } });
  const lines = [
    `Name: ${volume.name}`,
    ...(volume.description === "" ? [] : [`Description: ${volume.description}`]),
    `Type: ${volume.type}`,
    `Content type: ${volume.content_type}`,
    `Usage: ${binarySize(used)}`,
    ...(total === undefined ? [] : [`Total: ${binarySize(total)}`]),
    `Created: ${volume.created_at}`,
  ];
  shell.print(`${lines.join("\n")}\n`);
  if (snapshots.length === 0) return;
  const table = toTable(snapshots, [
    { header: "NAME", cell: ({ name }) => name.slice(name.lastIndexOf("/") + 1) },
    { header: "DESCRIPTION", cell: ({ description }) => description },
    { header: "TAKEN AT", cell: ({ created_at }) => created_at },
    {
      header: "EXPIRES AT",
      cell: ({ expires_at }) => expires_at?.startsWith("0001-") ? "" : expires_at ?? "",
    },
  ]);
  shell.print(`\nSnapshots:\n${await formatList("table", table, snapshots)}`);
}

export async function remove(shell: Shell): Promise<void> {
  const { client, params, volume, snapshot } = await readVolume(shell);
  if (snapshot === undefined) await client.call("volume.delete", { params });
  else {
    const running = await client.start("volume.snapshot.delete", { params: { ...params, snapshot } });
    await shell.wait(running, `${volume}/${snapshot}`);
  }
  shell.print(`Storage volume ${snapshot === undefined ? volume : `${volume}/${snapshot}`} deleted\n`);
}

export async function rename(shell: Shell): Promise<void> {
  const { client, params, volume, snapshot } = await readVolume(shell);
  const to = shell.typed.args[2] ?? "";
  if (snapshot === undefined) {
    await client.call("volume.move", { params, body: { name: to } });
  } else {
    // as lxc has it, the new name carries the volume's too
    const name = to.startsWith(`${volume}/`) ? to.slice(volume.length + 1) : to;
    const at = { ...params, snapshot };
    await shell.wait(await client.start("volume.snapshot.rename", { params: at, body: { name } }), name);
  }
  shell.print(`Renamed storage volume from "${shell.typed.args[1]}" to "${to}"\n`);
}

export async function copy(shell: Shell): Promise<void> {
  const between = await readBetween(shell);
  if (between !== undefined) {
    const { copyBetween } = await import("./storage_volume_between.ts");
    await copyBetween(shell, between);
    return shell.print("Storage volume copied successfully!\n");
  }
  const { client, from, to } = await readBoth(shell);
  const { text, has } = shell.typed;
  const project = text("target-project");
  const query = project === undefined ? {} : { project };
  const body = {
    name: to.volume,
    type: "custom",
    source: {
      type: "copy",
      pool: from.pool,
      name: from.snapshot === undefined ? from.volume : `${from.volume}/${from.snapshot}`,
      volume_only: has("volume-only"),
      refresh: has("refresh"),
      ...(project === undefined ? {} : { project: client.project ?? "default" }),
    },
  };
  const answer = await client.call("volumes.create", { params: { pool: to.pool }, body, query });
  await waitIfBegun(shell, { client, answer, label: to.volume });
  shell.print("Storage volume copied successfully!\n");
}

export async function move(shell: Shell): Promise<void> {
  const between = await readBetween(shell);
  if (between !== undefined) {
    const { moveBetween } = await import("./storage_volume_between.ts");
    await moveBetween(shell, between);
    return shell.print("Storage volume moved successfully!\n");
  }
  const { client, from, to } = await readBoth(shell);
  const project = shell.typed.text("target-project");
  const body = { name: to.volume, pool: to.pool, ...(project === undefined ? {} : { project }) };
  const answer = await client.call("volume.move", { params: from.params, body });
  await waitIfBegun(shell, { client, answer, label: to.volume });
  shell.print("Storage volume moved successfully!\n");
}

async function readBoth(shell: Shell) {
  const from = await readPlaced(shell, shell.typed.args[0] ?? "");
  const to = await readPlaced(shell, shell.typed.args[1] ?? "");
  return { client: from.client, from, to };
}

/** Both volumes, if they are on two servers. */
async function readBetween(shell: Shell): Promise<Between | undefined> {
  const [source = "", target = ""] = shell.typed.args;
  const [here, there] = [resolveOnServer(source).remote, resolveOnServer(target).remote];
  if (here.name === there.name) return undefined;
  return {
    from: { ...await readPlaced(shell, source), remote: here },
    to: { ...await readPlaced(shell, target), remote: there },
    mode: shell.typed.text("mode"),
  };
}

async function open(shell: Shell): Promise<Owner<Settings>> {
  const { client, params, volume, snapshot } = await readVolume(shell);
  if (snapshot !== undefined) return openSnapshot(client, { ...params, snapshot });
  return {
    title: `storage volume "${volume}"`,
    schema: storageVolumePut,
    async read() {
      const { value, etag } = await client.read("volume.get", { params });
      return { whole: value, value: { config: value.config, description: value.description }, etag };
    },
    async write(body, etag) {
      tell(shell, await client.call("volume.update", { params, body, etag }), volume);
    },
  };
}

type SnapshotParams = NamedVolume["params"] & { snapshot: string };

/** Of a snapshot only the description and the expiry can be changed, which the server says. */
function openSnapshot(client: Client, params: SnapshotParams): Owner<Settings> {
  return {
    title: `snapshot "${params.volume}/${params.snapshot}"`,
    schema: volumeSnapshotPut,
    async read() {
      const { value, etag } = await client.read("volume.snapshot.get", { params });
      const writable = { description: value.description, expires_at: value.expires_at ?? "" };
      return { whole: value, value: writable, etag };
    },
    async write(body, etag) {
      await client.call("volume.snapshot.update", { params, body, etag });
    },
  };
}
