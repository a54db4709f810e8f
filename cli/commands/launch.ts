// drey launch and drey init: a new instance from an image.

import { DreyError } from "../../errors.ts";
import type { Client } from "../../client/client.ts";
import { createdInstance } from "../../client/operations.ts";
import { defaultRemote, type Remote } from "../../client/remotes.ts";
import { type Devices, type InstanceSource, type InstancesPost, instancesPost } from "../../wire/instance.ts";
import { knows } from "../extensions.ts";
import type { Typed } from "../parse.ts";
import { asRemoteImage, keyValues, resolveImage, resolveOnServer } from "../resolve.ts";
import type { Shell } from "../shell.ts";
import { isStdinGiven } from "../terminal.ts";

export const launch = (shell: Shell): Promise<void> => create(shell, true);
export const init = (shell: Shell): Promise<void> => create(shell, false);

async function create(shell: Shell, start: boolean): Promise<void> {
  const { image, target } = readArguments(shell.typed);
  const { remote, name } = resolveOnServer(target ?? "");
  const [client, fromFile] = await Promise.all([shell.connect(remote), readFile()]);
  const source = image === undefined
    ? { type: "none" } as const
    : await findImage(shell, { remote, client }, image);
  const body: InstancesPost = {
    ...fromFile,
    ...(name === "" ? {} : { name }),
    source,
    ...await chosen(client, shell.typed, fromFile),
    ...(start ? { start } : {}),
  };
  shell.print(name === "" ? "Creating the instance\n" : `Creating ${name}\n`);
  const running = await client.start("instances.create", { body });
  const ended = await shell.wait(running, name || "instance")
    .catch((error) => tellLeft(client, name || createdInstance(running.operation), error));
  const created = name || createdInstance(ended);
  if (name === "") shell.print(`Instance name is: ${created}\n`);
  if (!start) return;
  shell.print(`Starting ${created}\n`);
  // older servers leave it to the client
  if (!await knows(client, "instance_create_start")) {
    const body = { action: "start" } as const;
    await shell.wait(
      await client.start("instance.state.change", { params: { name: created }, body }),
      created,
    );
  }
  if (!shell.typed.has("console")) return;
  const { open } = await import("./console.ts");
  await open(shell, { client, name: created, type: shell.typed.text("console") });
}

/** What could not start is there for all that, as after `init` and `start`: another setting may be all it needs. */
async function tellLeft(client: Client, name: string, error: unknown): Promise<never> {
  if (!(error instanceof DreyError) || /already exists/.test(error.message)) throw error;
  const left = await client.call("instance.get", { params: { name } }).catch(() => undefined);
  if (left === undefined) throw error;
  throw new DreyError(error.code, {
    message: error.message,
    hint: `${error.hint === undefined ? "" : `${error.hint}. `}Instance "${name}" was created and is left: ` +
      `drey start ${name} tries again, drey delete ${name} removes it`,
    cause: error,
  });
}

function readArguments({ args, has, command }: Typed): { image?: string; target?: string } {
  const [first, second] = args;
  if (!has("empty")) {
    if (first !== undefined) return { image: first, target: second };
    throw new DreyError("BAD_REQUEST", {
      message: `"drey ${command.path}" needs an image, such as debian:12`,
      hint: `See: drey ${command.path} --help`,
    });
  }
  if (second === undefined) return { target: first };
  throw new DreyError("BAD_REQUEST", {
    message: "An instance is made from an image or with --empty, not both",
  });
}

async function readFile(): Promise<Partial<InstancesPost>> {
  if (!await isStdinGiven()) return {};
  return await (await import("../editor.ts")).readGiven(instancesPost) as Partial<InstancesPost>;
}

// `debian/12` may be a local alias or mean `debian:12`: only such names cost a request.
async function findImage(
  shell: Shell,
  { remote, client }: { remote: Remote; client: Client },
  text: string,
): Promise<InstanceSource> {
  const remoteImage = text.includes(":") ? undefined : asRemoteImage(text);
  if (remoteImage === undefined) {
    const isHere = remote.address === "unix://" && !text.includes(":");
    if (isHere && defaultRemote() === remote.name) return resolveImage(text);
    return await (await import("../image_source.ts")).imageSource(shell, text, remote);
  }
  try {
    await client.call("image.alias.get", { params: { name: text } });
    return resolveImage(text);
  } catch (error) {
    if (error instanceof DreyError && error.code === "NOT_FOUND") return resolveImage(remoteImage);
    throw error;
  }
}

async function chosen(
  client: Client,
  typed: Typed,
  fromFile: Partial<InstancesPost>,
): Promise<Partial<InstancesPost>> {
  const config = { ...fromFile.config, ...keyValues(typed.list("config")) };
  const named = typed.list("profile").filter((text) => parsePublished(text) === undefined);
  const profiles = typed.has("no-profiles") ? [] : named.length > 0 ? named : undefined;
  const devices = await chosenDevices(client, typed, { ...fromFile.devices }, profiles ?? fromFile.profiles);
  return {
    ...(Object.keys(config).length > 0 ? { config } : {}),
    ...(Object.keys(devices).length > 0 ? { devices } : {}),
    ...(profiles === undefined ? {} : { profiles }),
    ...(typed.has("ephemeral") ? { ephemeral: true } : {}),
    ...(typed.has("vm") ? { type: "virtual-machine" } : {}),
    ...(typed.text("type") === undefined ? {} : { instance_type: typed.text("type") }),
  };
}

async function chosenDevices(
  client: Client,
  typed: Typed,
  devices: Devices,
  profiles: readonly string[] = ["default"],
): Promise<Devices> {
  const network = typed.text("network");
  // in place of the profile's card
  if (network === "none") devices.eth0 = { type: "none" };
  else if (network === "host") devices.eth0 = { type: "nic", nictype: "host" };
  else if (network !== undefined) devices.eth0 = { type: "nic", name: "eth0", network };
  const pool = typed.text("storage");
  if (pool !== undefined) devices.root = { ...devices.root, type: "disk", path: "/", pool };
  Object.assign(devices, publishedDevices(typed));
  for (const text of typed.list("device")) {
    const [name = "", ...words] = text.split(",");
    if (words.length === 0) {
      throw new DreyError("BAD_REQUEST", { message: `Expected device,key=value, got "${text}"` });
    }
    devices[name] ??= await deviceOfProfiles(client, profiles, name);
    Object.assign(devices[name], keyValues(words));
  }
  return devices;
}

/** The devices that lead ports in, of `--publish` and of those values of `-p` that are ports. */
function publishedDevices(typed: Typed): Devices {
  const ports = typed.list("profile").map(parsePublished).filter((device) => device !== undefined);
  for (const text of typed.list("publish")) {
    const parsed = parsePublished(text);
    if (parsed === undefined) {
      throw new DreyError("BAD_REQUEST", { message: `Expected [address:]port:port[/udp], got "${text}"` });
    }
    ports.push(parsed);
  }
  return Object.fromEntries(ports.map((device) => [`port-${device["listen"]?.split(":").at(-1)}`, device]));
}

/** Docker's way to write a port that leads in: `8080:80`, `127.0.0.1:8080:80/tcp`, `5300-5302:5300-5302/udp`. */
function parsePublished(text: string): Devices[string] | undefined {
  const [, host = "127.0.0.1", from, to, protocol = "tcp"] =
    /^(?:([\d.]+|\[[0-9a-f:]+\]):)?([\d-]+):([\d-]+)(?:\/(tcp|udp))?$/.exec(text) ?? [];
  if (from === undefined) return undefined;
  return { type: "proxy", listen: `${protocol}:${host}:${from}`, connect: `${protocol}:127.0.0.1:${to}` };
}

async function deviceOfProfiles(client: Client, profiles: readonly string[], name: string) {
  const read = profiles.map((profile) => client.call("profile.get", { params: { name: profile } }));
  const last = (await Promise.all(read)).findLast((profile) => profile.devices[name] !== undefined);
  return { ...last?.devices[name] };
}
