// Signed indexes: `.sjson` beside `.json`, clear-signed by the server's owner. They are insisted on where this host
// has the owner's keyring, since then a signature can be told from a forgery.

import { DreyError } from "../errors.ts";
import { run } from "../sys/run.ts";
import { ask, readText } from "./http.ts";

/** Keyrings of servers that sign, as Debian and Ubuntu install them (ubuntu-keyring, ubuntu-cloudimage-keyring). */
const keyrings: readonly { host: string; path: string }[] = [
  { host: "cloud-images.ubuntu.com", path: "/usr/share/keyrings/ubuntu-cloudimage-keyring.gpg" },
];

/**
 * The signed text of a document, if its server is one whose signature can be checked here. The environment's
 * DREY_IMAGE_KEYRING names a keyring that every server must have signed with.
 *
 * @throws {DreyError} `IMAGE_INVALID` if the signature is missing or wrong
 */
export async function readSigned(url: string, signal?: AbortSignal): Promise<string | undefined> {
  const keyring = Deno.env.get("DREY_IMAGE_KEYRING") || keyringOf(new URL(url).host);
  if (!keyring) return undefined;
  const response = await ask(url.replace(/\.json$/, ".sjson"), { accept: [404], ...(signal && { signal }) });
  const text = await readText(response);
  if (response.status === 404) throw forged(url, "its server signs, and there is no signature");
  const { code, stdout, stderr } = await run(["gpgv", "--keyring", keyring, "--output", "-"], {
    stdin: text,
  });
  if (code === 0) return stdout;
  throw forged(url, stderr.trim().split("\n").at(-1) ?? "the signature is wrong");
}

function keyringOf(host: string): string | undefined {
  const path = keyrings.find((row) => row.host === host)?.path;
  if (path === undefined) return undefined;
  try {
    Deno.statSync(path);
    Deno.statSync("/usr/bin/gpgv");
    return path;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function forged(url: string, why: string): DreyError {
  return new DreyError("IMAGE_INVALID", { message: `Cannot trust "${url}": ${why}` });
}
