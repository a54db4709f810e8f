// The server's own certificate: made at its first use, one per state directory, whether or not it serves HTTPS.
// Clients tell servers apart by it.

import { join } from "@std/path";
import { fingerprintOf, type KeyPair, makeCertificate, readCertificate } from "../auth/tls.ts";
import { readIfThere } from "../sys/present.ts";
import type { Context } from "./context.ts";

export interface ServerCertificate extends KeyPair {
  fingerprint: string;
}

/** The certificate and its key, read anew each time: an administrator may put another in their place. */
export async function serverCertificate(context: Context): Promise<ServerCertificate> {
  const pair = read(context) ?? await make(context);
  return { ...pair, fingerprint: fingerprintOf(readCertificate(pair.certificate)) };
}

function read({ paths }: Context): KeyPair | undefined {
  const certificate = readIfThere(join(paths.state, "server.crt"));
  const key = readIfThere(join(paths.state, "server.key"));
  return certificate === undefined || key === undefined ? undefined : { certificate, key };
}

async function make(context: Context): Promise<KeyPair> {
  await using _alone = await context.store.lock(["server", "certificate"]);
  const other = read(context);
  if (other !== undefined) return other;
  const hostname = Deno.hostname();
  const pair = await makeCertificate({
    commonName: `${context.user.name}@${hostname}`,
    use: "server",
    hosts: [hostname, "localhost", "127.0.0.1", "::1", ...hostAddresses()],
  });
  // the key first: a certificate that can be read has a key
  await write(join(context.paths.state, "server.key"), pair.key, 0o600);
  await write(join(context.paths.state, "server.crt"), pair.certificate, 0o644);
  return pair;
}

async function write(path: string, text: string, mode: number): Promise<void> {
  await Deno.writeTextFile(`${path}.new`, text, { mode });
  await Deno.rename(`${path}.new`, path);
}

/** Addresses of the host that others may reach: neither loopback nor good on one link only. */
export function hostAddresses(): string[] {
  return Deno.networkInterfaces()
    .filter(({ name, address, family }) =>
      name !== "lo" && !(family === "IPv6" ? /^(fe[89ab]|::1$)/i : /^(127\.|169\.254\.)/).test(address)
    )
    .map(({ address }) => address.replace(/%.*$/, ""));
}
