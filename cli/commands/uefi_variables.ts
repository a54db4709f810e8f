// drey config uefi: what the firmware of a virtual machine remembers.

import { DreyError } from "../../errors.ts";
import { type InstanceUefiVariables, uefiVariables } from "../../wire/uefi_variables.ts";
import { toYaml } from "../output.ts";
import { keyValues, resolveName } from "../resolve.ts";
import type { Shell } from "../shell.ts";

export async function show(shell: Shell): Promise<void> {
  const { client, params } = await find(shell);
  shell.print(await toYaml(await client.call("instance.uefi.get", { params })));
}

export async function get(shell: Shell): Promise<void> {
  const { client, params } = await find(shell);
  const { variables = {} } = await client.call("instance.uefi.get", { params });
  const key = shell.typed.args[1] ?? "";
  shell.print(`${entryOf(variables, key).data ?? ""}\n`);
}

export async function set(shell: Shell): Promise<void> {
  await change(shell, (variables) => {
    for (const [key, data] of Object.entries(keyValues(shell.typed.args.slice(1)))) {
      variables[key] = { ...variables[key], data };
    }
  });
}

export async function unset(shell: Shell): Promise<void> {
  await change(shell, (variables) => {
    const key = shell.typed.args[1] ?? "";
    entryOf(variables, key);
    delete variables[key];
  });
}

export async function edit(shell: Shell): Promise<void> {
  const { client, params } = await find(shell);
  const { edit } = await import("../editor.ts");
  const { value, etag } = await client.read("instance.uefi.get", { params });
  await edit(shell, { value, whole: value, schema: uefiVariables }, async (changed) => {
    await client.call("instance.uefi.put", { params, body: changed as InstanceUefiVariables, etag });
  });
}

type Variables = NonNullable<InstanceUefiVariables["variables"]>;

async function change(shell: Shell, edit: (variables: Variables) => void): Promise<void> {
  const { client, params } = await find(shell);
  const { value, etag } = await client.read("instance.uefi.get", { params });
  const variables = value.variables ?? {};
  edit(variables);
  await client.call("instance.uefi.put", { params, body: { variables }, etag });
}

function entryOf(variables: Variables, key: string): Variables[string] {
  const entry = Object.hasOwn(variables, key) ? variables[key] : undefined;
  if (entry !== undefined) return entry;
  throw new DreyError("NOT_FOUND", { message: `The firmware has no variable "${key}"` });
}

async function find({ typed, connect }: Shell) {
  const { remote, name } = resolveName(typed.args[0] ?? "", "instance");
  return { client: await connect(remote), params: { name } };
}
