// Images of other servers as the source of a new instance: which image is meant, and how the instance's server gets at
// it.

import type { Client } from "../client/client.ts";
import type { Remote } from "../client/remotes.ts";
import { DreyError } from "../errors.ts";
import type { Image } from "../wire/image.ts";
import type { InstanceSource } from "../wire/instance.ts";
import type { Server } from "../wire/server.ts";
import { resolveImage, resolveImageName } from "./resolve.ts";
import type { Shell } from "./shell.ts";

/** Where the root file system of an instance on `target` comes from, given what was typed as its image. */
export async function imageSource(shell: Shell, text: string, target: Remote): Promise<InstanceSource> {
  const { remote, name } = resolveImageName(text);
  const isLocal = remote.address === "unix://" && target.address === "unix://";
  // our own server finds out by itself what a name means; so do those who ask servers of images
  if (isLocal || remote.protocol !== "lxd" || name === "") return resolveImage(text);
  const client = await shell.connect(remote);
  const image = await findImage(client, name);
  const { fingerprint } = image;
  if (remote.name === target.name) return { type: "image", fingerprint };
  return { type: "image", mode: "pull", protocol: "lxd", fingerprint, ...await wayTo(client, remote, image) };
}

/** The image a server has under an alias or a fingerprint. @throws {DreyError} `NOT_FOUND` */
export async function findImage(client: Client, name: string): Promise<Image> {
  const alias = await client.call("image.alias.get", { params: { name } }).catch((error) => {
    if (error instanceof DreyError && error.code === "NOT_FOUND") return undefined;
    throw error;
  });
  return await client.call("image.get", { params: { fingerprint: alias?.target ?? name } });
}

/** Address, certificate, and a secret for what is not everybody's. */
async function wayTo(client: Client, remote: Remote, { fingerprint, public: isPublic }: Image) {
  const { environment } = await client.call("server.get") as Partial<Server>;
  const server = remote.address === "unix://" ? environment?.addresses[0] : remote.address;
  if (server === undefined) {
    throw new DreyError("BAD_REQUEST", {
      message:
        `The image of "${remote.name}" cannot be fetched: the server has no address that another could come to`,
      hint: "Set one there: drey config set core.https_address=[::]:8443",
    });
  }
  return {
    server: server.startsWith("https://") ? server : `https://${server}`,
    ...(environment?.certificate && { certificate: environment.certificate }),
    ...(!isPublic && { secret: await secretOf(client, fingerprint) }),
  };
}

/** What lets another server fetch an image that is not public. @throws {DreyError} `SERVER_FAILED` */
export async function secretOf(client: Client, fingerprint: string): Promise<string> {
  const { operation: { metadata } } = await client.start("image.secret", { params: { fingerprint } });
  if (typeof metadata?.secret === "string") return metadata.secret;
  throw new DreyError("SERVER_FAILED", { message: "The server gave no secret for the image" });
}
