// The servers a name before a colon may mean, `debian:12`: those that are built in, and those a person has added.

import { DreyError } from "../errors.ts";
import { exists } from "../sys/present.ts";
import { configDirectory } from "./connect.ts";

/** What a remote speaks; `debian` images are built on this machine. */
export type Protocol = "lxd" | "simplestreams" | "debian" | "oci";

/** A server that a name before a colon stands for. */
export interface Remote {
  /** what stands before the colon */
  name: string;
  /** a URL; `unix://` is this user's own server, or the API in this process */
  address: string;
  /** what it speaks */
  protocol: Protocol;
  /** whether it only offers images */
  isImageServer: boolean;
  /** whether drey speaks its protocol */
  isSupported: boolean;
  /** whether it is built in, and stays as it is */
  isStatic: boolean;
  /** project of everything that is done there, unless another is named */
  project?: string;
  /** what it is, in a line */
  about: string;
}

const builtIn = (
  name: string,
  protocol: Protocol,
  address: string,
  about: string,
): Remote => ({
  name,
  address,
  protocol,
  isImageServer: name !== "local",
  isSupported: true,
  isStatic: true,
  about,
});

/** Remotes that are there without having been added, the default one first. */
export const builtInRemotes: readonly Remote[] = [
  builtIn("local", "lxd", "unix://", "The drey of this user on this machine"),
  builtIn("debian", "debian", "mirror://", "Debian and Ubuntu suites, built here from the host's mirror"),
  builtIn("images", "simplestreams", "https://images.lxd.canonical.com", "Images of many distributions"),
  builtIn("ubuntu", "simplestreams", "https://cloud-images.ubuntu.com/releases", "Ubuntu releases"),
  builtIn("ubuntu-daily", "simplestreams", "https://cloud-images.ubuntu.com/daily", "Ubuntu daily builds"),
  builtIn(
    "ubuntu-minimal",
    "simplestreams",
    "https://cloud-images.ubuntu.com/minimal/releases",
    "Small Ubuntu releases",
  ),
  builtIn("docker", "oci", "https://docker.io", "Application images of Docker Hub"),
  builtIn("ghcr", "oci", "https://ghcr.io", "Application images of GitHub's registry"),
];

export interface Remotes {
  /** the name that is meant when none is typed */
  default: string;
  list: readonly Remote[];
  /** words of a person's own, which stand for others; the file has these too, as LXD's client does */
  aliases: Readonly<Record<string, string>>;
}

let known: Remotes = { default: "local", list: builtInRemotes, aliases: {} };

/** The remotes of this process: the built-in ones until {@link loadRemotes} was called. */
export const remotes = (): readonly Remote[] => known.list;

/** The name of the remote that is meant when none is typed. */
export const defaultRemote = (): string => known.default;

/** What a person's own words stand for. */
export const aliases = (): Remotes["aliases"] => known.aliases;

/**
 * Learns of the remotes and aliases that were added.
 *
 * @throws {DreyError} `STATE_BROKEN` if their file cannot be read
 */
export async function loadRemotes(): Promise<void> {
  const directory = await configDirectory();
  // a look at the file spares those who have none the code that reads it
  if (!exists(`${directory}/config.yml`)) return;
  const { readRemotes } = await import("./remotes_file.ts");
  known = await readRemotes(directory);
}

/**
 * The remote of this name, as the file of remotes has it now.
 *
 * @throws {DreyError} `NOT_FOUND`; `STATE_BROKEN` if the file cannot be read
 */
export async function findRemote(name: string): Promise<Remote> {
  await loadRemotes();
  const remote = known.list.find((one) => one.name === name);
  if (remote !== undefined) return remote;
  throw new DreyError("NOT_FOUND", { message: `There is no remote "${name}"` });
}
