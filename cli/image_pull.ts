// How images of one server are got at by another, for image copy.

import { DreyError } from "../errors.ts";
import type { Client } from "../client/client.ts";
import type { Remote } from "../client/remotes.ts";
import type { Image } from "../wire/image.ts";
import type { Server } from "../wire/server.ts";
import { findImage, secretOf } from "./image_source.ts";
import type { Shell } from "./shell.ts";

/** An image a server of instances has, and the client of that server. */
export interface OwnedImage {
  client: Client;
  image: Image;
  remote: Remote;
}

/** What a request names so that another server can fetch an image. */
export interface PullSource {
  type: "image";
  mode: "pull";
  protocol: string;
  server: string;
  fingerprint: string;
  certificate: string;
  secret?: string;
  project?: string;
}

/** Finds an image by its alias or fingerprint. @throws {DreyError} `NOT_FOUND` */
export async function findOwned(
  shell: Shell,
  { remote, name }: { remote: Remote; name: string },
): Promise<OwnedImage> {
  const client = await shell.connect(remote);
  return { client, image: await findImage(client, name), remote };
}

/**
 * How another server gets at an image: each of the addresses its own server can be reached at. One that is not public
 * comes with a secret, which is good for one download.
 *
 * @throws {DreyError} `NOT_SUPPORTED` if its server listens nowhere
 */
export async function pullSources({ client, image, remote }: OwnedImage): Promise<PullSource[]> {
  const { environment } = await client.call("server.get") as Server;
  const typed = remote.address.startsWith("https://") ? [remote.address] : [];
  const addresses = [...new Set([...typed, ...environment.addresses.map((address) => `https://${address}`)])];
  if (addresses.length === 0) {
    throw new DreyError("NOT_SUPPORTED", {
      message: `Nobody can fetch images from the remote "${remote.name}": it does not listen on the network`,
      hint: "Let the image be carried by this side: --mode relay; or set core.https_address there",
    });
  }
  const secret = image.public ? undefined : await secretOf(client, image.fingerprint);
  return addresses.map((server) => ({
    type: "image",
    mode: "pull",
    protocol: "lxd",
    server,
    fingerprint: image.fingerprint,
    certificate: environment.certificate,
    ...secret !== undefined && { secret },
    ...remote.project !== undefined && { project: remote.project },
  }));
}
