// Routes of trusted certificates.

import * as certificate from "../certificate.ts";
import { type Listing, route } from "./route.ts";

export const certificates = {
  "certificates.list": route<Listing<string[], certificate.Certificate[]>>()(
    "sync",
    "GET /1.0/certificates",
    "All trusted certificates",
    { query: ["recursion", "filter"] },
  ),
  "certificates.create": route<null>()(
    "sync",
    "POST /1.0/certificates",
    "Trust a certificate, the caller's own if it brings a token; or make such a token",
    { body: certificate.certificatesPost, access: "untrusted" },
  ),
  "certificate.get": route<certificate.Certificate>()(
    "sync",
    "GET /1.0/certificates/{fingerprint}",
    "One trusted certificate",
  ),
  "certificate.update": route<null>()(
    "sync",
    "PUT /1.0/certificates/{fingerprint}",
    "Replace what is known of the certificate",
    { body: certificate.certificatePut, access: "authenticated" },
  ),
  "certificate.patch": route<null>()(
    "sync",
    "PATCH /1.0/certificates/{fingerprint}",
    "Change what is known of the certificate",
    { body: certificate.certificatePut, access: "authenticated" },
  ),
  "certificate.delete": route<null>()(
    "sync",
    "DELETE /1.0/certificates/{fingerprint}",
    "Trust the certificate no more",
  ),
} as const;
