// Trusted certificates, and the tokens by which clients bring theirs.

import * as certificates from "../../domain/certificates.ts";
import type { Certificate, CertificatePut, CertificatesPost } from "../../wire/certificate.ts";
import { Background, type Call, Created, type Handlers } from "../call.ts";
import { listed } from "../lists.ts";
import { forbidden, isAdmin, isTrusted } from "../middleware/permission.ts";
import { DreyError } from "../../errors.ts";

type Names =
  | "certificates.list"
  | "certificates.create"
  | "certificate.get"
  | "certificate.update"
  | "certificate.patch"
  | "certificate.delete";

export const handlers: Handlers<Names> = {
  "certificates.list": async ({ context, caller, recursion, query }) =>
    listed(
      (await certificates.listCertificates(context)).filter((one) => isAdmin(caller) || isOwn(caller, one)),
      {
        recursion,
        filter: query("filter"),
        address: ({ fingerprint }) => `/1.0/certificates/${fingerprint}`,
      },
    ),
  "certificates.create": async ({ context, caller, body }) => {
    if (body.token) return await makeToken({ context, caller, body });
    const certificate = body.certificate || shownBy(caller);
    const terms = isAdmin(caller) ? body : await bringToken({ context, body, certificate, caller });
    const fingerprint = await certificates.addCertificate(context, { ...terms, certificate });
    return new Created(`/1.0/certificates/${fingerprint}`);
  },
  "certificate.get": async ({ context, caller, params }) => {
    const found = await certificates.getCertificate(context, params.fingerprint);
    if (!isAdmin(caller) && !isOwn(caller, found)) throw notFound();
    return found;
  },
  "certificate.update": ({ context, caller, params, body }) =>
    certificates.updateCertificate(context, params.fingerprint, (old) => within(caller, old, body)),
  "certificate.patch": ({ context, caller, params, body }) =>
    certificates.patchCertificate(context, params.fingerprint, (old) => within(caller, old, body)),
  "certificate.delete": ({ context, params }) => certificates.deleteCertificate(context, params.fingerprint),
};

type Adding = Pick<Call<"certificates.create">, "context" | "caller" | "body">;

async function makeToken({ context, caller, body }: Adding): Promise<Background> {
  if (!isAdmin(caller)) throw forbidden();
  const { makeTrustToken } = await import("../../domain/trust_tokens.ts");
  return new Background(await makeTrustToken(context, body));
}

/** What a stranger's token grants; what the stranger asks for beside it does not count. */
async function bringToken(
  { context, body, certificate, caller }: Omit<Adding, "body"> & {
    body: CertificatesPost;
    certificate: string;
  },
): Promise<CertificatePut> {
  if (isTrusted(caller)) throw forbidden();
  const token = body.trust_token || body.password || "";
  // read before the token is used up: who brings nonsense may try again
  const { readCertificate } = await import("../../auth/tls.ts");
  readCertificate(certificate);
  const { useTrustToken } = await import("../../domain/trust_tokens.ts");
  return await useTrustToken(context, token);
}

function shownBy({ certificate }: Call["caller"]): string {
  if (certificate !== undefined) return certificate.der.toBase64();
  throw new DreyError("BAD_REQUEST", {
    message: "There is no certificate to trust: none is given, and none came with the connection",
  });
}

/** Whoever is confined to projects may only renew their own certificate. */
function within(caller: Call["caller"], old: Certificate, put: CertificatePut): CertificatePut {
  if (isAdmin(caller)) return put;
  if (!isOwn(caller, old)) throw notFound();
  const { name, type, restricted, projects } = old;
  const asked = { name, type, restricted, projects, ...put };
  const isSame = asked.name === name && asked.type === type && asked.restricted === restricted &&
    JSON.stringify(asked.projects) === JSON.stringify(projects);
  if (!isSame) throw forbidden();
  return { name, type, restricted, projects, certificate: put.certificate };
}

const isOwn = ({ certificate }: Call["caller"], { fingerprint }: Certificate) =>
  certificate?.fingerprint === fingerprint;

function notFound(): DreyError {
  return new DreyError("NOT_FOUND", { message: "Certificate not found" });
}
