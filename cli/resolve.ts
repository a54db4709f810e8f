// What a typed name means: which remote, which thing there; which image.

import { DreyError } from "../errors.ts";
import { defaultRemote, type Remote, remotes } from "../client/remotes.ts";
import type { InstanceSource } from "../wire/instance.ts";
import { nearest } from "../config/nearest.ts";

export interface Named {
  remote: Remote;
  /** empty when only a remote was typed, as in `local:` */
  name: string;
}

/**
 * Splits `remote:name`; without a colon the default remote is meant.
 *
 * @throws {DreyError} `NOT_FOUND` if there is no such remote
 */
export function resolve(text: string, hint: Hint = hintFor): Named {
  const colon = text.indexOf(":");
  const wanted = colon === -1 ? defaultRemote() : text.slice(0, colon);
  const remote = remotes().find(({ name }) => name === wanted);
  if (remote === undefined) {
    throw new DreyError("NOT_FOUND", {
      message: `There is no remote "${wanted}"`,
      hint: hint(wanted, text.slice(colon + 1)),
    });
  }
  return { remote, name: text.slice(colon + 1) };
}

type Hint = (wanted: string, name: string) => string;

function hintFor(wanted: string, name: string): string {
  // as scp and Podman name files
  if (/^\/(?!\/)/.test(name)) {
    return `Files of instances are copied by drey file push and drey file pull, named as ${wanted}${name}`;
  }
  const guess = nearest(wanted, remotes().map(({ name }) => name));
  return `${guess === undefined ? "" : `Did you mean "${guess}:"? `}See: drey remote list`;
}

/** `resolve` for an image, which others name by its registry, by an address or by nothing but a tag. */
export const resolveImageName = (text: string): Named => resolve(text, hintForImage);

function hintForImage(wanted: string, name: string): string {
  if (name.startsWith("//")) return "Download the file, then: drey image import <file> --alias <alias>";
  const guess = nearest(wanted, remotes().map((remote) => remote.name));
  if (guess !== undefined) return hintFor(wanted, name);
  const [, registry = "docker", path] = /^(docker|ghcr)\.io\/(?:library\/)?(.*)$/.exec(wanted) ??
    [undefined, undefined, wanted];
  return `Images of registries are named with theirs: ${registry}:${path}:${name}. See: drey remote list`;
}

/** `resolve` for something that lives on a server with instances. @throws {DreyError} `NOT_SUPPORTED` */
export function resolveOnServer(text: string): Named {
  const named = resolve(text);
  if (!named.remote.isImageServer) return named;
  throw new DreyError("NOT_SUPPORTED", {
    message: `The remote "${named.remote.name}" offers images and nothing else`,
  });
}

/** `resolve` for a thing that must be named, such as an instance. */
export function resolveName(text: string, what: string): Named {
  const named = resolveOnServer(text);
  if (named.name === "") {
    throw new DreyError("BAD_REQUEST", { message: `Missing name of the ${what} in "${text}"` });
  }
  return named;
}

/** Where the root file system of a new instance comes from, given what was typed as its image. */
export function resolveImage(text: string): InstanceSource {
  const { remote, name } = resolveImageName(text);
  checkImageRemote(remote);
  if (name === "") throw new DreyError("BAD_REQUEST", { message: `Missing name of the image in "${text}"` });
  if (!remote.isImageServer) return { type: "image", alias: name };
  return {
    type: "image",
    alias: name,
    protocol: remote.protocol,
    server: remote.address,
    mode: "pull",
  };
}

/** @throws {DreyError} `NOT_SUPPORTED` for a remote whose protocol drey does not speak */
export function checkImageRemote(remote: Remote): void {
  if (remote.isSupported) return;
  throw new DreyError("NOT_SUPPORTED", {
    message: `The remote "${remote.name}" (${remote.protocol}) is not supported yet`,
    hint: "Images built here are: try debian:12",
  });
}

/** `debian/12` as `debian:12`: a bare name that reads like an image of a remote, if no local alias has it. */
export function asRemoteImage(text: string): string | undefined {
  const match = /^([a-z-]+)\/(.+)$/.exec(text);
  return match && remotes().some(({ name, isImageServer }) => isImageServer && name === match[1])
    ? `${match[1]}:${match[2]}`
    : undefined;
}

/**
 * `key=value` words as a record; a value may contain further `=`.
 *
 * @throws {DreyError} `BAD_REQUEST` for a word without `=`
 */
export function keyValues(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(words.map((word) => {
    const at = word.indexOf("=");
    if (at > 0) return [word.slice(0, at), word.slice(at + 1)];
    throw new DreyError("BAD_REQUEST", { message: `Expected key=value, got "${word}"` });
  }));
}
