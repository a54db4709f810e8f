// The file of remotes, in the form of LXD's own client: config.yml, with the certificates of servers beside it.

import { dirname, join } from "@std/path";
import { parse, stringify } from "@std/yaml";
import { DreyError } from "../errors.ts";
import { builtInRemotes, type Protocol, type Remote, type Remotes } from "./remotes.ts";

/** A remote as the file has it. */
export interface RemoteEntry {
  addr: string;
  protocol: string;
  public: boolean;
  auth_type?: string;
  project?: string;
}

/** The file; what other programs keep in it stays. */
export interface RemotesFile {
  "default-remote"?: string;
  remotes?: Record<string, RemoteEntry>;
  aliases?: Record<string, string>;
  [other: string]: unknown;
}

/** Built-in remotes and those of the file, which come first where both have a name. */
export async function readRemotes(directory: string): Promise<Remotes> {
  const file = await readFile(directory);
  const added = Object.entries(file.remotes ?? {}).map(([name, entry]) => asRemote(name, entry));
  const list = [
    ...builtInRemotes.filter(({ name }) => !added.some((other) => other.name === name)),
    ...added,
  ];
  return { default: file["default-remote"] ?? "local", list, aliases: file.aliases ?? {} };
}

/** Reads, changes in place, writes. */
export async function changeRemotes(directory: string, edit: (file: RemotesFile) => void): Promise<void> {
  using _alone = await lockDirectory(directory);
  const file = await readFile(directory);
  edit(file);
  await writePrivate(join(directory, "config.yml"), stringify(file, { lineWidth: -1, skipInvalid: true }));
}

/** Waits until nobody else changes what is in the directory, and keeps others from it until disposed of. */
export async function lockDirectory(directory: string): Promise<Disposable> {
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  const file = await Deno.open(join(directory, "lock"), { write: true, create: true, mode: 0o600 });
  try {
    await file.lock(true);
    return file;
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Where the certificate of a server is kept. */
export function serverCertificatePath(directory: string, remote: string): string {
  return join(directory, "servercerts", `${remote}.crt`);
}

/** Writes a file for its owner alone, whole or not at all. */
export async function writePrivate(path: string, text: string): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const partial = `${path}.${Deno.pid}`;
  await Deno.writeTextFile(partial, text, { mode: 0o600 });
  await Deno.rename(partial, path);
}

async function readFile(directory: string): Promise<RemotesFile> {
  const path = join(directory, "config.yml");
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return {};
    throw error;
  }
  const file = parseFile(text);
  if (file !== undefined) return file;
  throw new DreyError("STATE_BROKEN", {
    message: `Cannot read "${path}": it is no file of remotes and aliases`,
    hint: "Mend or remove it",
  });
}

function parseFile(text: string): RemotesFile | undefined {
  try {
    const file = parse(text) ?? {};
    if (typeof file !== "object" || Array.isArray(file)) return undefined;
    const entries = Object.values((file as RemotesFile).remotes ?? {});
    const targets = Object.values((file as RemotesFile).aliases ?? {});
    const isWhole = entries.every((entry) => typeof entry?.addr === "string") &&
      targets.every((target) => typeof target === "string");
    return isWhole ? file as RemotesFile : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function asRemote(name: string, entry: RemoteEntry): Remote {
  const protocol = (entry.protocol || "lxd") as Protocol;
  return {
    name,
    address: entry.addr,
    protocol,
    isImageServer: protocol !== "lxd" || entry.public === true,
    isSupported: ["lxd", "simplestreams", "oci"].includes(protocol),
    isStatic: false,
    ...(entry.project ? { project: entry.project } : {}),
    about: "",
  };
}
