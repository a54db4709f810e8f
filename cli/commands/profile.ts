// drey profile: configuration that instances share.

import { DreyError } from "../../errors.ts";
import { type ProfilesPost, profilesPost } from "../../wire/profile.ts";
import { type Configured, configured, profileWritable } from "../configured.ts";
import { readGiven } from "../editor.ts";
import { toYaml } from "../output.ts";
import { resolveName } from "../resolve.ts";
import { change, settingsCommands } from "../settings.ts";
import { listNamed, readName } from "../named.ts";
import type { Shell } from "../shell.ts";

export const { get, set, unset, edit } = settingsCommands(open);

export const list = (shell: Shell): Promise<void> =>
  listNamed(shell, (client, query) => client.call("profiles.list", { query }));

export async function show(shell: Shell): Promise<void> {
  const { client, name } = await read(shell);
  const { config, description, devices, used_by } = await client.call("profile.get", { params: { name } });
  shell.print(await toYaml({ name, description, config, devices, used_by }));
}

export async function create(shell: Shell): Promise<void> {
  const { client, name } = await read(shell);
  const fromFile = await readGiven(profilesPost);
  const description = shell.typed.text("description");
  const body = { ...fromFile, ...(description === undefined ? {} : { description }), name } as ProfilesPost;
  await client.call("profiles.create", { body });
  shell.print(`Profile ${name} created\n`);
}

export async function remove(shell: Shell): Promise<void> {
  for (const text of shell.typed.args) {
    const { remote, name } = resolveName(text, "profile");
    await (await shell.connect(remote)).call("profile.delete", { params: { name } });
    shell.print(`Profile ${name} deleted\n`);
  }
}

export async function copy(shell: Shell): Promise<void> {
  const { client, name } = await read(shell);
  const target = resolveName(shell.typed.args[1] ?? "", "profile");
  const profile = await client.call("profile.get", { params: { name } });
  const { config, description, devices } = profileWritable(profile);
  const there = await shell.connect(target.remote);
  const project = shell.typed.text("target-project");
  const query = project === undefined ? {} : { project };
  const body = { config, description, devices };
  try {
    await there.call("profiles.create", { query, body: { name: target.name, ...body } });
  } catch (error) {
    const isThere = error instanceof DreyError && error.code === "CONFLICT";
    if (!isThere || !shell.typed.has("refresh")) throw error;
    await there.call("profile.update", { params: { name: target.name }, query, body });
  }
}

export async function rename(shell: Shell): Promise<void> {
  const { client, name } = await read(shell);
  const to = shell.typed.args[1] ?? "";
  await client.call("profile.rename", { params: { name }, body: { name: to } });
  shell.print(`Profile ${name} renamed to ${to}\n`);
}

export async function assign(shell: Shell): Promise<void> {
  const names = (shell.typed.args[1] ?? "").split(",").filter((name) => name !== "");
  await changeProfiles(shell, () => names);
  shell.print(`Profiles ${names.join(", ") || "(none)"} applied to ${shell.typed.args[0]}\n`);
}

export async function add(shell: Shell): Promise<void> {
  const [instance = "", profile = ""] = shell.typed.args;
  await changeProfiles(shell, (names) => {
    if (!names.includes(profile)) return [...names, profile];
    throw new DreyError("ALREADY_EXISTS", {
      message: `Instance "${instance}" has profile "${profile}" already`,
    });
  });
  shell.print(`Profile ${profile} added to ${instance}\n`);
}

export async function take(shell: Shell): Promise<void> {
  const [instance = "", profile = ""] = shell.typed.args;
  await changeProfiles(shell, (names) => {
    if (names.includes(profile)) return names.filter((name) => name !== profile);
    throw new DreyError("NOT_FOUND", {
      message: `Instance "${instance}" does not have profile "${profile}"`,
    });
  });
  shell.print(`Profile ${profile} removed from ${instance}\n`);
}

async function changeProfiles(shell: Shell, edit: (names: string[]) => string[]): Promise<void> {
  await change(await configured(shell, "instance", shell.typed.args[0] ?? ""), (value) => {
    value.profiles = edit(value.profiles as string[]);
  });
}

function open(shell: Shell): Promise<Configured> {
  return configured(shell, "profile", shell.typed.args[0] ?? "");
}

const read = (shell: Shell) => readName(shell, "profile");
