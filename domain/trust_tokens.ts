// Trust tokens: what an administrator hands to somebody, so that their certificate becomes trusted.

import { decodeToken, expiryAfter, makeSecret } from "../auth/tokens.ts";
import { tokenExpiry } from "../config/server_keys.ts";
import { DreyError } from "../errors.ts";
import type { CertificatePut, CertificatesPost } from "../wire/certificate.ts";
import type { Operation } from "../wire/operation.ts";
import { mustBeType } from "./certificates.ts";
import type { Context } from "./context.ts";
import { mustExist } from "./projects/effective.ts";
import { serverAddresses } from "./server_addresses.ts";
import { serverCertificate } from "./server_certificate.ts";
import { readServerConfig, serverSetting } from "./server_config.ts";
import { startTokenOperation, takeToken } from "./token_operations.ts";

const description = "Certificate add token";

/**
 * Makes a token; the operation's metadata is what a client writes the token's text from.
 *
 * @throws {DreyError} `BAD_REQUEST` without a name, or if nobody could come with it
 */
export async function makeTrustToken(context: Context, body: CertificatesPost): Promise<Operation> {
  const { name, restricted = false, projects = [], type = "client" } = body;
  mustBeType(type);
  if (!name) throw new DreyError("BAD_REQUEST", { message: "The token needs a name for its client" });
  for (const project of projects) await mustExist(context, project);
  const addresses = serverAddresses(await readServerConfig(context));
  if (addresses.length === 0) {
    throw new DreyError("BAD_REQUEST", {
      message: "Cannot make a token: the server has no address that a client could come to",
      hint: "Set one first: drey config set core.https_address=[::]:8443",
    });
  }
  const span = await serverSetting(context, tokenExpiry) ?? "15d";
  return await startTokenOperation(context, {
    project: "default",
    description,
    metadata: {
      request: { name, type, restricted, projects, token: true },
      addresses,
      fingerprint: (await serverCertificate(context)).fingerprint,
      secret: makeSecret(),
      expiresAt: expiryAfter(span, context.now()).toISOString(),
    },
  });
}

/**
 * Uses up a token, and says what its maker wants of the client.
 *
 * @throws {DreyError} `FORBIDDEN` for a token that is unknown, used or too old
 */
export async function useTrustToken(context: Context, text: string): Promise<CertificatePut> {
  const secret = decodeToken(text)?.secret;
  const operation = secret === undefined
    ? undefined
    : await takeToken(context, secret, (token) => token.description === description);
  if (operation === undefined) throw new DreyError("FORBIDDEN", { message: "not authorized" });
  const { name, type, restricted, projects } = operation.metadata?.request as CertificatePut;
  return { name, type, restricted, projects };
}
