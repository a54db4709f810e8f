// Trusted certificates: who may call over HTTPS.

import * as s from "./schema.ts";

/** `metrics` certificates open /1.0/metrics and nothing else */
export type CertificateType = "client" | "metrics";

/** A certificate whose holder may call over HTTPS. */
export interface Certificate {
  name: string;
  type: CertificateType;
  /** whether it counts only in `projects` */
  restricted: boolean;
  projects: string[];
  /** PEM */
  certificate: string;
  /** SHA-256 of the certificate, in hexadecimal */
  fingerprint: string;
}

const fields = {
  name: s.optional(s.string),
  type: s.optional(s.string, "`client` or `metrics`"),
  restricted: s.optional(s.boolean, "whether it counts only in `projects`"),
  projects: s.optional(s.array(s.string)),
  certificate: s.optional(s.string, "X.509 as base64 of DER, or PEM; the caller's own if left out"),
};

export const certificatePut = s.object(fields);
/** What can be changed of a trusted certificate. */
export type CertificatePut = s.TypeOf<typeof certificatePut>;

export const certificatesPost = s.object({
  ...fields,
  token: s.optional(s.boolean, "ask for a token that lets one client in"),
  trust_token: s.optional(s.string, "a token, from a client that is not trusted yet"),
  password: s.optional(s.string, "a token, where older clients put it"),
});
/** A certificate to be trusted, or the wish for a token. */
export type CertificatesPost = s.TypeOf<typeof certificatesPost>;
