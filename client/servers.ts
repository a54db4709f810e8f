// The door to a remote: which server it is, with which certificate it was accepted, and who we are to it.

import { DreyError } from "../errors.ts";
import { configDirectory } from "./connect.ts";
import { clientIdentity, readIfThere } from "./identity.ts";
import type { Remote } from "./remotes.ts";
import { serverCertificatePath } from "./remotes_file.ts";
import type { HttpsServer } from "../auth/connect.ts";
import type { Transport } from "./transport.ts";

/** The server of a remote that speaks LXD's protocol over HTTPS. */
export async function serverOf({ name, address, isImageServer }: Remote): Promise<HttpsServer> {
  const directory = await configDirectory();
  const certificate = await readIfThere(serverCertificatePath(directory, name));
  // images that everybody may have are nobody's business
  const identity = isImageServer ? undefined : await clientIdentity(directory);
  return { address, ...(certificate !== undefined && { certificate }), ...(identity && { identity }) };
}

/** Opens the door to a remote other than `local`. */
export async function openRemote(remote: Remote): Promise<Transport> {
  if (remote.address.startsWith("unix:")) {
    const { overUnixSocket } = await import("./unix.ts");
    return overUnixSocket(remote.address.replace(/^unix:(\/\/)?/, ""));
  }
  if (remote.protocol === "lxd" && remote.address.startsWith("https://")) {
    const { overHttps } = await import("./https.ts");
    return overHttps(await serverOf(remote));
  }
  throw new DreyError("NOT_SUPPORTED", {
    message:
      `Cannot connect to the remote "${remote.name}" at "${remote.address}": it is no server of instances`,
  });
}
