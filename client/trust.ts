// Trusted certificates and tokens as clients read and write them.

import { encodeToken } from "../auth/tokens.ts";
import { readCertificate } from "../auth/tls.ts";
import type { CertificatesPost } from "../wire/certificate.ts";
import type { Operation } from "../wire/operation.ts";
import { readAnswer } from "./answers.ts";
import type { Client } from "./client.ts";

export interface Token {
  id: string;
  /** of the client it is for */
  name: string;
  /** what is handed to the client */
  text: string;
  /** time, RFC 3339 */
  expires_at: string;
}

/** Asks the server for a token that lets in one client. */
export async function makeToken(client: Client, body: CertificatesPost): Promise<Token | undefined> {
  const request = JSON.stringify({ ...body, token: true });
  const answer = await readAnswer<Operation>(await client.send("POST", "/1.0/certificates", request));
  return tokenOf(answer.metadata);
}

/** The tokens that wait to be used. */
export async function listTokens(client: Client): Promise<Token[]> {
  const byStatus = await client.call("operations.list", { query: { recursion: 1 } });
  const running = byStatus["running"] ?? [];
  return running.flatMap((operation) => tokenOf(operation) ?? []);
}

/** The token in an operation; undefined if it holds none that lets clients in. */
function tokenOf({ id, class: kind, metadata }: Operation): Token | undefined {
  if (kind !== "token" || metadata === null) return undefined;
  const { request, secret, addresses, fingerprint, expiresAt } = metadata as {
    request?: { name?: string };
    secret?: string;
    addresses?: string[];
    fingerprint?: string;
    expiresAt?: string;
  };
  if (request === undefined || secret === undefined || addresses === undefined || fingerprint === undefined) {
    return undefined;
  }
  const name = request.name ?? "";
  const expires_at = expiresAt ?? "";
  const text = encodeToken({ client_name: name, fingerprint, addresses, secret, expires_at });
  return { id, name, text, expires_at };
}

/** What a certificate says of itself; empty where it says nothing. */
export function readFacts(certificate: string): { commonName: string; issued: string; expires: string } {
  const { subject, validFrom, validTo } = readCertificate(certificate);
  return {
    commonName: /^CN=(.+)$/m.exec(subject ?? "")?.[1] ?? "",
    issued: new Date(validFrom).toISOString(),
    expires: new Date(validTo).toISOString(),
  };
}
