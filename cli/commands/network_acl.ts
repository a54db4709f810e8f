// drey network acl: access control lists of networks.

import { DreyError } from "../../errors.ts";
import { boundedText } from "../../sys/bounded_text.ts";
import {
  type NetworkAcl,
  type NetworkAclPut,
  networkAclPut,
  type NetworkAclRule,
  networkAclRule,
  networkAclsPost,
} from "../../wire/network_acl.ts";
import { mustKnowFields } from "../known_fields.ts";
import { toYaml } from "../output.ts";
import { keyValues } from "../resolve.ts";
import { change, type Owner, ownerOf, readSettings, settingsCommands } from "../settings.ts";
import { listNamed, readName } from "../named.ts";
import type { Shell } from "../shell.ts";

export const { get, set, unset, edit } = settingsCommands(open);

export const list = (shell: Shell): Promise<void> =>
  listNamed(shell, (client, query) => client.call("network.acls.list", { query }));

export async function show(shell: Shell): Promise<void> {
  const { client, name } = await read(shell);
  shell.print(await toYaml(await client.call("network.acl.get", { params: { name } })));
}

export async function showLog(shell: Shell): Promise<void> {
  const { client, name } = await read(shell);
  const response = await client.raw("network.acl.log", { params: { name } });
  shell.print(await boundedText(response));
}

export async function create(shell: Shell): Promise<void> {
  const { client, name } = await read(shell);
  const settings = await readSettings(shell, shell.typed.args.slice(1), networkAclsPost);
  const body = { ingress: [], egress: [], ...settings, name };
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

export async function addRule(shell: Shell): Promise<void> {
  const [, direction = "", ...words] = shell.typed.args;
  const rule = { state: "enabled", ...keyValues(words) } as NetworkAclRule;
  mustKnowFields(networkAclRule, rule);
  await change(await open(shell), (acl) => {
    acl[directionOf(direction)] = [...acl[directionOf(direction)] ?? [], rule];
  });
}

export async function removeRule(shell: Shell): Promise<void> {
  const [, direction = "", ...words] = shell.typed.args;
  const given = keyValues(words);
  mustKnowFields(networkAclRule, given);
  const wanted = Object.entries(given);
  await change(await open(shell), (acl) => {
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

function writable({ description, ingress, egress, config }: NetworkAcl): NetworkAclPut {
  return { description, ingress, egress, config };
}

async function open(shell: Shell): Promise<Owner<NetworkAclPut>> {
  const { client, name } = await read(shell);
  const params = { name };
  return ownerOf({ title: `network ACL "${name}"`, schema: networkAclPut }, {
    get: () => client.read("network.acl.get", { params }),
    writable,
    put: (body, etag) => client.call("network.acl.update", { params, body, etag }),
  });
}

const read = (shell: Shell) => readName(shell, "network ACL");
