// Who we are to servers on other machines: a certificate of this user's, made when it is first needed.

import { join } from "@std/path";
import { type KeyPair, makeCertificate } from "../auth/tls.ts";
import { lockDirectory, writePrivate } from "./remotes_file.ts";

/** Reads the certificate and its key, or makes them. `onNew` is told if they are. */
export async function clientIdentity(directory: string, onNew?: () => void): Promise<KeyPair> {
  const known = await readPair(directory);
  if (known !== undefined) return known;
  // two commands at once would leave the key of one with the certificate of the other
  using _alone = await lockDirectory(directory);
  const other = await readPair(directory);
  if (other !== undefined) return other;
  onNew?.();
  const name = `${Deno.env.get("USER") ?? Deno.uid() ?? "user"}@${Deno.hostname()}`;
  const pair = await makeCertificate({ commonName: name, use: "client" });
  // the key first: a certificate that can be read has a key
  await writePrivate(join(directory, keyName), pair.key);
  await writePrivate(join(directory, certificateName), pair.certificate);
  return pair;
}

const certificateName = "client.crt";
const keyName = "client.key";

async function readPair(directory: string): Promise<KeyPair | undefined> {
  const certificate = await readIfThere(join(directory, certificateName));
  const key = await readIfThere(join(directory, keyName));
  return certificate === undefined || key === undefined ? undefined : { certificate, key };
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
