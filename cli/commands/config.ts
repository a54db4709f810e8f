// drey config get, set, unset, show, edit: of an instance, or of the server when no instance is named.

import type { Client } from "../../client/client.ts";
import { DreyError } from "../../errors.ts";
import { type Server, serverPut } from "../../wire/server.ts";
import { configured, instanceWritable } from "../configured.ts";
import { edit as editYaml } from "../editor.ts";
import { toYaml } from "../output.ts";
import { resolveName, resolveOnServer } from "../resolve.ts";
import { change, getProperty, readPairs, setKeys, unsetKey, valueOf } from "../settings.ts";
import type { Shell } from "../shell.ts";
import { splitSnapshot } from "./snapshot.ts";

export async function get(shell: Shell): Promise<void> {
  const { args, has } = shell.typed;
  const { instance, client, rest: [key = ""] } = split(shell, args.length < 2);
  if (instance === undefined) {
    const server = await serverOf(await client());
    return shell.print(`${valueOf(server.config, key)}\n`);
  }
  const { remote, name } = resolveName(instance, "instance");
  const value = await (await shell.connect(remote)).call("instance.get", { params: { name } });
  const config = has("expanded") ? value.expanded_config : value.config;
  shell.print(`${has("property") ? getProperty({ ...value }, key) : valueOf(config, key)}\n`);
}

export async function set(shell: Shell): Promise<void> {
  const { args, has } = shell.typed;
  const { instance, client, rest } = split(shell, isServerKey(args));
  const pairs = await readPairs(rest);
  if (instance === undefined) return await patchServer(shell, await client(), pairs);
  const owner = await configured(shell, "instance", instance);
  await change(owner, (value) => setKeys(value, pairs, has("property")));
}

export async function unset(shell: Shell): Promise<void> {
  const { args, has } = shell.typed;
  const { instance, client, rest: [key = ""] } = split(shell, args.length < 2);
  if (instance === undefined) return await patchServer(shell, await client(), { [key]: "" });
  const owner = await configured(shell, "instance", instance);
  await change(owner, (value) => unsetKey(value, key, { owner, isProperty: has("property") }));
}

export async function show(shell: Shell): Promise<void> {
  const { remote, name } = resolveOnServer(shell.typed.args[0] ?? "");
  const client = await shell.connect(remote);
  if (name === "") {
    const { config } = await serverOf(client);
    return shell.print(await toYaml({ config }));
  }
  const { name: owner, snapshot } = splitSnapshot(name);
  if (snapshot !== undefined) {
    return shell.print(
      await toYaml(await client.call("snapshot.get", { params: { name: owner, snapshot } })),
    );
  }
  const instance = await client.call("instance.get", { params: { name } });
  const own = instanceWritable(instance);
  const { expanded_config: config, expanded_devices: devices } = instance;
  shell.print(await toYaml(shell.typed.has("expanded") ? { ...own, config, devices } : own));
}

export async function edit(shell: Shell): Promise<void> {
  const { remote, name } = resolveOnServer(shell.typed.args[0] ?? "");
  if (name === "") {
    const client = await shell.connect(remote);
    const { value, etag } = await client.read("server.get");
    const { config } = value as Server;
    return await editYaml(shell, { value: { config }, whole: value, schema: serverPut }, async (edited) => {
      await client.call("server.update", { body: { config, ...edited }, etag });
    });
  }
  const owner = await configured(shell, "instance", shell.typed.args[0] ?? "");
  const { whole, value, etag } = await owner.read();
  await editYaml(
    shell,
    { value, whole, schema: owner.schema },
    (edited) => owner.write({ ...value, ...edited }, etag),
  );
}

/**
 * Whose configuration is meant: a word that ends in a colon is a server, as is the default one where no instance is
 * named.
 */
function split(shell: Shell, isServer: boolean) {
  const { args } = shell.typed;
  const [first = "", ...others] = args;
  const isRemote = first.endsWith(":");
  const { remote } = resolveOnServer(isRemote ? first : "");
  return {
    instance: isRemote || isServer ? undefined : first,
    rest: isServer && !isRemote ? [...args] : others,
    client: () => shell.connect(remote),
  };
}

/** `key=value …`, or LXD's older `key value`: names of instances hold no dot, keys of the server do. */
function isServerKey([first = "", second]: readonly string[]): boolean {
  if (second === undefined || first.includes("=")) return true;
  return first.includes(".") && !/[:/]/.test(first);
}

async function serverOf(client: Client): Promise<Server> {
  return await client.call("server.get") as Server;
}

async function patchServer(shell: Shell, client: Client, config: Record<string, string>): Promise<void> {
  try {
    await client.call("server.patch", { body: { config } });
  } catch (error) {
    throw forAnInstance(error, Object.keys(config)[0] ?? "") ?? error;
  }
  if (config["core.https_address"] && client.transport.kind === "in-process") {
    shell.say("Nobody listens yet: start drey serve");
  }
}

/** A key that the server has not may be one of instances, whose name was left out. */
function forAnInstance(error: unknown, key: string): DreyError | undefined {
  if (!(error instanceof DreyError) || !/^(boot|environment|limits|raw|security|snapshots)\./.test(key)) {
    return;
  }
  const hint = `Name the instance before it: drey config set <instance> ${key}=<value>`;
  return new DreyError(error.code, { message: error.message, hint, cause: error });
}
