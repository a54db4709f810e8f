// drey remote: the servers a name before a colon means.

import { configDirectory } from "../../client/connect.ts";
import { builtInRemotes, defaultRemote, type Remote, remotes } from "../../client/remotes.ts";
import {
  changeRemotes,
  type RemoteEntry,
  type RemotesFile,
  serverCertificatePath,
} from "../../client/remotes_file.ts";
import { DreyError } from "../../errors.ts";
import { ask, askFingerprint } from "../ask.ts";
import { toTable } from "../columns.ts";
import { type Format, formatList, yesNo } from "../output.ts";
import type { Shell } from "../shell.ts";

export async function list(shell: Shell): Promise<void> {
  const table = toTable(remotes(), [
    { header: "NAME", cell: ({ name }) => name === defaultRemote() ? `${name} (current)` : name },
    { header: "URL", cell: ({ address }) => address },
    { header: "PROTOCOL", cell: ({ protocol }) => protocol },
    { header: "AUTH TYPE", cell: authType },
    { header: "PUBLIC", cell: ({ isImageServer }) => yesNo(isImageServer) },
    { header: "STATIC", cell: ({ isStatic }) => yesNo(isStatic) },
    { header: "GLOBAL", cell: () => "NO" },
    { header: "SUPPORTED", cell: ({ isSupported }) => isSupported ? "YES" : "NOT YET" },
  ]);
  const data = Object.fromEntries(remotes().map((remote) => [remote.name, asData(remote)]));
  shell.print(await formatList(shell.typed.text("format") as Format, table, data));
}

export function getDefault(shell: Shell): Promise<void> {
  shell.print(`${defaultRemote()}\n`);
  return Promise.resolve();
}

export async function add(shell: Shell): Promise<void> {
  const { args } = shell.typed;
  // there is one way only, which need not be named
  shell.typed.text("auth-type");
  const where = args.at(-1) ?? "";
  const name = args.length > 1 ? args[0] ?? "" : await nameOf(where);
  mustBeFree(name);
  const entry = await entryOf(shell, name, where);
  await change(({ remotes }) => void (remotes[name] = entry));
}

async function entryOf(shell: Shell, name: string, where: string): Promise<RemoteEntry> {
  const { typed } = shell;
  const protocol = typed.text("protocol") ?? "lxd";
  if (protocol !== "lxd") return { addr: await addressOf(where, protocol), protocol, public: true };
  if (where.startsWith("unix:")) return { addr: where, protocol, public: false };
  const { addServer } = await import("../../client/add_server.ts");
  const token = typed.text("token") ?? typed.text("password");
  const project = typed.text("project");
  const adding = { name, where, token, isPublic: typed.has("public"), project };
  return await addServer(await configDirectory(), adding, {
    accepts: (fingerprint) =>
      typed.has("accept-certificate") ? Promise.resolve(true) : askFingerprint(shell, fingerprint),
    token: () => ask(`Trust token for ${name}: `, "Give --token"),
    say: (line) => shell.say(line),
  });
}

export async function remove(shell: Shell): Promise<void> {
  const { name } = mustBeAdded(shell.typed.args[0] ?? "");
  if (name === defaultRemote()) {
    throw bad(`Cannot remove the default remote "${name}"`, "See: drey remote switch");
  }
  await change(({ remotes }) => void delete remotes[name]);
  await removeCertificate(await certificatePath(name));
}

export async function rename(shell: Shell): Promise<void> {
  const [from = "", to = ""] = shell.typed.args;
  const { name } = mustBeAdded(from);
  mustBeFree(to);
  const [oldPath, newPath] = [await certificatePath(name), await certificatePath(to)];
  await change((file) => {
    const { [name]: entry, ...others } = file.remotes;
    file.remotes = { ...others, ...(entry && { [to]: entry }) };
    if (file["default-remote"] === name) file["default-remote"] = to;
  });
  await Deno.rename(oldPath, newPath).catch(mayBeMissing);
}

export async function setUrl(shell: Shell): Promise<void> {
  const [text = "", where = ""] = shell.typed.args;
  const { name, protocol } = mustBeAdded(text);
  const addr = await addressOf(where, protocol);
  await change(({ remotes: { [name]: entry } }) => {
    if (entry !== undefined) entry.addr = addr;
  });
}

export async function switchTo(shell: Shell): Promise<void> {
  const { name, isImageServer } = mustExist(shell.typed.args[0] ?? "");
  if (isImageServer) {
    throw bad(`The remote "${name}" offers images and nothing else: it cannot be the default`);
  }
  await change((file) => void (file["default-remote"] = name));
}

export async function getClientCertificate(shell: Shell): Promise<void> {
  const { clientIdentity } = await import("../../client/identity.ts");
  shell.print((await clientIdentity(await configDirectory())).certificate);
}

async function change(
  edit: (file: RemotesFile & Required<Pick<RemotesFile, "remotes">>) => void,
): Promise<void> {
  await changeRemotes(await configDirectory(), (file) => {
    const whole = Object.assign(file, { remotes: file.remotes ?? {}, "default-remote": defaultRemote() });
    edit(whole);
  });
}

/** A server's host where no name is typed; tokens hold no name that means anything here. */
async function nameOf(where: string): Promise<string> {
  const { serverAddress } = await import("../../client/add_server.ts");
  if (where.length > 200) {
    throw bad("A token needs a name for the remote", "drey remote add <remote> <token>");
  }
  return new URL(serverAddress(where)).hostname.replace(/^\[|\]$/g, "").replaceAll(":", "-");
}

/** What was typed, as it is kept; a server of images may have mirrors, behind commas. @throws {DreyError} `BAD_REQUEST` */
async function addressOf(where: string, protocol: string): Promise<string> {
  if (protocol === "lxd" && where.startsWith("unix:")) return where;
  if (protocol === "lxd") return (await import("../../client/add_server.ts")).serverAddress(where);
  if (protocol !== "simplestreams") return imageAddress(where);
  return where.split(",").map((text) => imageAddress(text.trim())).join(",");
}

function imageAddress(where: string): string {
  const text = /^https?:\/\//.test(where) ? where : `https://${where}`;
  if (URL.canParse(text)) return text.replace(/\/$/, "");
  throw bad(`"${where}" is no address of an image server`);
}

function mustExist(text: string): Remote {
  const name = text.replace(/:$/, "");
  const remote = remotes().find((one) => one.name === name);
  if (remote !== undefined) return remote;
  throw new DreyError("NOT_FOUND", {
    message: `There is no remote "${name}"`,
    hint: "See: drey remote list",
  });
}

function mustBeAdded(text: string): Remote {
  const remote = mustExist(text);
  if (!remote.isStatic) return remote;
  throw bad(`The remote "${remote.name}" is built in and stays as it is`);
}

function mustBeFree(name: string): void {
  if (!/^[\w.-]+$/.test(name)) throw bad(`A remote cannot be called "${name}"`);
  const found = remotes().find((one) => one.name === name);
  // one that is built in gives way, but for the one that is this machine
  if (found === undefined || (builtInRemotes.includes(found) && name !== "local")) return;
  throw new DreyError("ALREADY_EXISTS", { message: `There is a remote "${name}" already` });
}

const certificatePath = async (name: string) => serverCertificatePath(await configDirectory(), name);

async function removeCertificate(path: string): Promise<void> {
  await Deno.remove(path).catch(mayBeMissing);
}

function mayBeMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

function authType({ address, isImageServer }: Remote): string {
  if (isImageServer) return "none";
  return address.startsWith("unix:") ? "file access" : "tls";
}

const asData = (remote: Remote) => ({
  addr: remote.address,
  auth_type: authType(remote),
  protocol: remote.protocol,
  project: remote.project,
  public: remote.isImageServer,
  static: remote.isStatic,
  supported: remote.isSupported,
  description: remote.about || undefined,
});

function bad(message: string, hint?: string): DreyError {
  return new DreyError("BAD_REQUEST", { message, hint });
}
