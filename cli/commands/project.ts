// drey project: instances apart from one another, with images, profiles, volumes and networks of their own.

import type { Remote } from "../../client/remotes.ts";
import { chooseProject, chosenProject } from "../../client/projects.ts";
import {
  type Project,
  type ProjectPut,
  projectPut,
  type ProjectsPost,
  projectsPost,
} from "../../wire/project.ts";
import { type Column, toTable } from "../columns.ts";
import { readGiven } from "../editor.ts";
import { binarySize, type Format, formatList, toYaml, yesNo } from "../output.ts";
import { keyValues, resolveName, resolveOnServer } from "../resolve.ts";
import { type Owner, ownerOf, settingsCommands } from "../settings.ts";
import { readName } from "../named.ts";
import type { Shell } from "../shell.ts";

const features: readonly [header: string, feature: string][] = [
  ["IMAGES", "images"],
  ["PROFILES", "profiles"],
  ["STORAGE VOLUMES", "storage.volumes"],
  ["STORAGE BUCKETS", "storage.buckets"],
  ["NETWORKS", "networks"],
  ["NETWORK ZONES", "networks.zones"],
];

export const { get, set, unset, edit } = settingsCommands(open);

export async function list(shell: Shell): Promise<void> {
  const { remote } = resolveOnServer(shell.typed.args[0] ?? "");
  const client = await shell.connect(remote);
  const found = await client.call("projects.list", { query: { recursion: 1 } });
  const current = await currentProject(shell, remote);
  const table = toTable(found, [
    { header: "NAME", cell: ({ name }) => name === current ? `${name} (current)` : name },
    ...features.map(([header, feature]): Column<Project> => ({
      header,
      cell: ({ config }) => yesNo(config[`features.${feature}`] === "true"),
    })),
    { header: "DESCRIPTION", cell: ({ description }) => description },
    { header: "USED BY", cell: ({ used_by }) => String(used_by.length) },
  ]);
  shell.print(await formatList(shell.typed.text("format") as Format, table, found));
}

export async function show(shell: Shell): Promise<void> {
  const { client, name } = await read(shell);
  const { description, config, used_by } = await client.call("project.get", { params: { name } });
  shell.print(await toYaml({ name, description, config, used_by }));
}

export async function info(shell: Shell): Promise<void> {
  const { client, name } = await read(shell);
  const { resources } = await client.call("project.state", { params: { name } });
  const isSize = (resource: string) => ["memory", "disk"].includes(resource);
  const amount = (resource: string, value: number) => isSize(resource) ? binarySize(value) : String(value);
  const table = toTable(Object.entries(resources), [
    { header: "RESOURCE", cell: ([resource]) => resource.toUpperCase() },
    {
      header: "LIMIT",
      cell: ([resource, { Limit }]) => Limit < 0 ? "UNLIMITED" : amount(resource, Limit),
    },
    { header: "USAGE", cell: ([resource, { Usage }]) => amount(resource, Usage) },
  ]);
  shell.print(await formatList(shell.typed.text("format") as Format, table, resources));
}

export async function create(shell: Shell): Promise<void> {
  const { typed } = shell;
  const { client, name } = await read(shell);
  const fromFile: Partial<ProjectsPost> = await readGiven(projectsPost);
  const storage = typed.text("storage");
  const network = typed.text("network");
  const body: ProjectsPost = {
    ...fromFile,
    name,
    config: { ...fromFile.config, ...keyValues(typed.list("config")) },
    ...(storage === undefined ? {} : { storage }),
    ...(network === undefined ? {} : { network }),
  };
  await client.call("projects.create", { body });
  shell.print(`Project ${name} created\n`);
}

export async function remove(shell: Shell): Promise<void> {
  const { remote, name } = resolveName(shell.typed.args[0] ?? "", "project");
  const client = await shell.connect(remote);
  await client.call("project.delete", { params: { name } });
  if (await chosenProject(remote) === name) await chooseProject(remote, "default");
  shell.print(`Project ${name} deleted\n`);
}

export async function rename(shell: Shell): Promise<void> {
  const { remote, name } = resolveName(shell.typed.args[0] ?? "", "project");
  const client = await shell.connect(remote);
  const to = shell.typed.args[1] ?? "";
  await shell.wait(await client.start("project.rename", { params: { name }, body: { name: to } }), name);
  if (await chosenProject(remote) === name) await chooseProject(remote, to);
  shell.print(`Project ${name} renamed to ${to}\n`);
}

export async function switchTo(shell: Shell): Promise<void> {
  const { remote, name } = resolveName(shell.typed.args[0] ?? "", "project");
  const client = await shell.connect(remote);
  // a project that is not there would fail every command from here on
  await client.call("project.get", { params: { name } });
  await chooseProject(remote, name);
}

export async function getCurrent(shell: Shell): Promise<void> {
  const { remote } = resolveOnServer(shell.typed.args[0] ?? "");
  shell.print(`${await currentProject(shell, remote)}\n`);
}

async function currentProject(shell: Shell, remote: Remote): Promise<string> {
  return shell.typed.text("project") ?? await chosenProject(remote) ?? "default";
}

async function open(shell: Shell): Promise<Owner<ProjectPut>> {
  const { client, name } = await read(shell);
  const params = { name };
  return ownerOf({ title: `project "${name}"`, schema: projectPut }, {
    get: () => client.read("project.get", { params }),
    writable: ({ description, config }) => ({ description, config }),
    put: (body, etag) => client.call("project.update", { params, body, etag }),
  });
}

const read = (shell: Shell) => readName(shell, "project");
