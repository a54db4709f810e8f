// drey network acl: access control lists of networks.

import { DreyError } from "../../errors.ts";
import type { NetworkAcl, NetworkAclPut, NetworkAclRule } from "../../wire/network_acl.ts";
import { toTable } from "../columns.ts";
import { getProperty } from "../configured.ts";
import { edit as editYaml, parseYaml, readStdin } from "../editor.ts";
import { type Format, formatList, toYaml } from "../output.ts";
import { keyValues, resolveName, resolveOnServer } from "../resolve.ts";
import type { Shell } from "../shell.ts";
import { isStdinFile } from "../terminal.ts";
import { readPairs } from "./config.ts";

export async function list(shell: Shell): Promise<void> {
  const client = await shell.connect(resolveOnServer(shell.typed.args[0] ?? "").remote);
  const isWide = shell.typed.has("all-projects");
  const found = await client.call("network.acls.list", {
    query: { recursion: 1, "all-projects": isWide || undefined },
  }) as NetworkAcl[];
  const table = toTable(found, [
    ...(isWide ? [{ header: "PROJECT", cell: ({ project }: NetworkAcl) => project }] : []),
    { header: "NAME", cell: ({ name }) => name },
    { header: "DESCRIPTION", cell: ({ description }) => description },
    { header: "USED BY", cell: ({ used_by }) => String(used_by.length) },
  ]);
  shell.print(await formatList(shell.typed.text("format") as Format, table, found));
}

export async function show(shell: Shell): Promise<void> {
  const { client, name } = await read(shell);
  shell.print(await toYaml(await client.call("network.acl.get", { params: { name } })));
}

export async function showLog(shell: Shell): Promise<void> {
  const { client, name } = await read(shell);
  const response = await client.raw("network.acl.log", { params: { name } });
  shell.print(await response.text());
}

export async function create(shell: Shell): Promise<void> {
  const { client, name } = await read(shell);
  const fromFile = isStdinFile() ? await parseYaml(await readStdin()) as NetworkAclPut : {};
  const description = shell.typed.text("description") ?? fromFile.description ?? "";
  const config = { ...fromFile.config, ...await readPairs(shell.typed.args.slice(1)) };
  const body = { ingress: [], egress: [], ...fromFile, name, description, config };
  await client.call("network.acls.create", { body });
  shell.print(`Network ACL ${name} created\n`);
}

export async function remove(shell: Shell): Promise<void> {
  const { client, name } = await read(shell);
  await client.call("network.acl.delete", { params: { name } });
  shell.print(`Network ACL ${name} deleted\n`);
}

export async function rename(shell: Shell): Promise<void> {
  const { client, name } = await read(shell);
  const to = shell.typed.args[1] ?? "";
  await client.call("network.acl.rename", { params: { name }, body: { name: to } });
  shell.print(`Network ACL ${name} renamed to ${to}\n`);
}

export async function edit(shell: Shell): Promise<void> {
  const { client, name } = await read(shell);
  const params = { name };
  const { value, etag } = await client.read("network.acl.get", { params });
  await editYaml(shell, writable(value), async (body) => {
    await client.call("network.acl.update", { params, body: { ...writable(value), ...body }, etag });
  });
}

export async function get(shell: Shell): Promise<void> {
  const { client, name } = await read(shell);
  const key = shell.typed.args[1] ?? "";
  const acl = await client.call("network.acl.get", { params: { name } });
  const value = shell.typed.has("property") ? getProperty({ ...acl }, key) : acl.config[key] ?? "";
  shell.print(`${value}\n`);
}

export async function set(shell: Shell): Promise<void> {
  const pairs = await readPairs(shell.typed.args.slice(1));
  await change(shell, (acl) => {
    if (!shell.typed.has("property")) acl.config = { ...acl.config, ...pairs };
    else if (Object.keys(pairs).every((key) => key === "description")) acl.description = pairs["description"];
    else throw new DreyError("BAD_REQUEST", { message: "The only property to set so is description" });
  });
}

export async function unset(shell: Shell): Promise<void> {
  const key = shell.typed.args[1] ?? "";
  await change(shell, (acl) => {
    const { [key]: old, ...config } = acl.config ?? {};
    if (old === undefined) {
      throw new DreyError("NOT_FOUND", {
        message: `Cannot unset key "${key}": the network ACL does not set it`,
      });
    }
    acl.config = config;
  });
}

export async function addRule(shell: Shell): Promise<void> {
  const [, direction = "", ...words] = shell.typed.args;
  const rule = { state: "enabled", ...keyValues(words) } as NetworkAclRule;
  await change(shell, (acl) => {
    acl[directionOf(direction)] = [...acl[directionOf(direction)] ?? [], rule];
  });
}

export async function removeRule(shell: Shell): Promise<void> {
  const [, direction = "", ...words] = shell.typed.args;
  const wanted = Object.entries(keyValues(words));
  await change(shell, (acl) => {
    const rules = acl[directionOf(direction)] ?? [];
    const fits = rules.filter((rule) =>
      wanted.every(([key, value]) => rule[key as keyof NetworkAclRule] === value)
    );
    if (fits.length === 0) throw new DreyError("NOT_FOUND", { message: "No matching rule found" });
    if (fits.length > 1 && !shell.typed.has("force")) {
      throw new DreyError("BAD_REQUEST", {
        message: `${fits.length} rules match`,
        hint: "Say more about the one, or remove them all with --force",
      });
    }
    acl[directionOf(direction)] = rules.filter((rule) => !fits.includes(rule));
  });
}

function directionOf(text: string): "ingress" | "egress" {
  if (text === "ingress" || text === "egress") return text;
  throw new DreyError("BAD_REQUEST", { message: `Expected ingress or egress, got "${text}"` });
}

async function change(shell: Shell, edit: (acl: NetworkAclPut) => void): Promise<void> {
  const { client, name } = await read(shell);
  const params = { name };
  const { value, etag } = await client.read("network.acl.get", { params });
  const body = writable(value);
  edit(body);
  await client.call("network.acl.update", { params, body, etag });
}

function writable({ description, ingress, egress, config }: NetworkAcl): NetworkAclPut {
  return { description, ingress, egress, config };
}

async function read(shell: Shell) {
  const { remote, name } = resolveName(shell.typed.args[0] ?? "", "network ACL");
  return { client: await shell.connect(remote), name };
}
