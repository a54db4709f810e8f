// Who we are to servers on other machines: a certificate of this user's, made when it is first needed.

import { join } from "@std/path";
import { type KeyPair, makeCertificate } from "../auth/tls.ts";
import { writePrivate } from "./remotes_file.ts";

/** Reads the certificate and its key, or makes them. `onNew` is told if they are. */
export async function clientIdentity(directory: string, onNew?: () => void): Promise<KeyPair> {
  const [certificatePath, keyPath] = [join(directory, "client.crt"), join(directory, "client.key")];
  const [certificate, key] = await Promise.all([readIfThere(certificatePath), readIfThere(keyPath)]);
  if (certificate !== undefined && key !== undefined) return { certificate, key };
  onNew?.();
  const name = `${Deno.env.get("USER") ?? Deno.uid() ?? "user"}@${Deno.hostname()}`;
  const pair = await makeCertificate({ commonName: name, use: "client" });
  await writePrivate(keyPath, pair.key);
  await writePrivate(certificatePath, pair.certificate);
  return pair;
}

/** The text of a file, if there is one. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
}
