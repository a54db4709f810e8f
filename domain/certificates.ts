// The trust store: certificates of clients that may call over HTTPS. A certificate is known by its fingerprint.

import { fingerprintOf, isSame, readCertificate } from "../auth/tls.ts";
import { DreyError } from "../errors.ts";
import type { Key, Write } from "../store/store.ts";
import type { Certificate, CertificatePut, CertificateType } from "../wire/certificate.ts";
import type { Context } from "./context.ts";
import { lifecycleWrite } from "./events.ts";
import { mustExist } from "./projects/effective.ts";

/** What is kept of a certificate; its fingerprint is its key. */
type CertificateRecord = Omit<Certificate, "fingerprint">;

/** Every trusted certificate, by fingerprint. */
export async function listCertificates(context: Context): Promise<Certificate[]> {
  const entries = await context.store.list<CertificateRecord>(["certificates"]);
  return entries.map(({ key, value }) => ({ ...value, fingerprint: key[1] ?? "" }));
}

/** The certificate a caller has shown, if it is trusted. */
export async function findTrusted(context: Context, fingerprint: string): Promise<Certificate | undefined> {
  let found: Certificate | undefined;
  // each is compared, and each in constant time: how long it takes says nothing of what is in the store
  for (const certificate of await listCertificates(context)) {
    if (isSame(certificate.fingerprint, fingerprint)) found = certificate;
  }
  return found;
}

/**
 * The certificate whose fingerprint begins so.
 *
 * @throws {DreyError} `NOT_FOUND`, `BAD_REQUEST` if several do
 */
export async function getCertificate(context: Context, fingerprint: string): Promise<Certificate> {
  return (await find(context, fingerprint)).certificate;
}

/**
 * Trusts a certificate.
 *
 * @param body `certificate` is PEM, or base64 of DER
 * @throws {DreyError} `BAD_REQUEST`, `ALREADY_EXISTS`
 */
export async function addCertificate(
  context: Context,
  body: CertificatePut & { certificate: string },
): Promise<string> {
  const x509 = readCertificate(body.certificate);
  const fingerprint = fingerprintOf(x509);
  // who forgets to say so must not trust somebody with everything; one that is released later keeps its projects
  if (!body.restricted && (body.projects ?? []).length > 0) {
    throw bad("Projects can only be given to a restricted certificate");
  }
  const record = await checked(context, {
    name: body.name ?? commonName(x509.subject) ?? fingerprint.slice(0, 12),
    type: body.type ?? "client",
    restricted: body.restricted ?? false,
    projects: body.projects ?? [],
    certificate: x509.toString(),
  });
  const added = await context.store.commit(
    [{ key: keyOf(fingerprint), revision: 0 }],
    [{ key: keyOf(fingerprint), value: record }, happened(context, "certificate-created", fingerprint)],
  );
  if (added) return fingerprint;
  throw new DreyError("ALREADY_EXISTS", { message: "Certificate already in trust store" });
}

/** What is asked of a certificate; who may not ask everything is held against it as it is at that moment. */
type Asked = (old: Certificate) => CertificatePut;

/** Replaces what is known of a certificate; what is not asked for becomes what it is for a new one. */
export async function updateCertificate(context: Context, fingerprint: string, asked: Asked): Promise<void> {
  await change(context, fingerprint, (old) => {
    const put = asked(old);
    return {
      name: put.name ?? "",
      type: put.type ?? "client",
      restricted: put.restricted ?? false,
      projects: put.projects ?? [],
      certificate: put.certificate || old.certificate,
    };
  });
}

/** Changes what is asked for. */
export async function patchCertificate(context: Context, fingerprint: string, asked: Asked): Promise<void> {
  await change(context, fingerprint, (old) => {
    const put = asked(old);
    return {
      name: put.name ?? old.name,
      type: put.type ?? old.type,
      restricted: put.restricted ?? old.restricted,
      projects: put.projects ?? old.projects,
      certificate: put.certificate || old.certificate,
    };
  });
}

/** Trusts a certificate no more. @throws {DreyError} `NOT_FOUND` */
export async function deleteCertificate(context: Context, fingerprint: string): Promise<void> {
  const { certificate, revision } = await find(context, fingerprint);
  const key = keyOf(certificate.fingerprint);
  await must(context.store.commit(
    [{ key, revision }],
    [{ key, delete: true }, happened(context, "certificate-deleted", certificate.fingerprint)],
  ));
}

/** Another certificate in its place has another fingerprint, and so another key. */
async function change(
  context: Context,
  fingerprint: string,
  to: (old: Certificate) => { type: string } & Omit<CertificateRecord, "type">,
): Promise<void> {
  const { certificate: old, revision } = await find(context, fingerprint);
  const next = to(old);
  const x509 = readCertificate(next.certificate);
  const record = await checked(context, { ...next, certificate: x509.toString() });
  const [from, key] = [keyOf(old.fingerprint), keyOf(fingerprintOf(x509))];
  const isMoved = from[1] !== key[1];
  await must(context.store.commit(
    [{ key: from, revision }, ...(isMoved ? [{ key, revision: 0 }] : [])],
    [
      ...(isMoved ? [{ key: from, delete: true } as const] : []),
      { key, value: record },
      happened(context, "certificate-updated", key[1] ?? ""),
    ],
  ));
}

async function find(
  context: Context,
  fingerprint: string,
): Promise<{ certificate: Certificate; revision: number }> {
  const entries = await context.store.list<CertificateRecord>(["certificates"]);
  const fits = entries.filter(({ key }) =>
    fingerprint !== "" && key[1]?.startsWith(fingerprint.toLowerCase())
  );
  const [entry, another] = fits;
  if (entry === undefined) {
    throw new DreyError("NOT_FOUND", { message: `Certificate "${fingerprint}" not found` });
  }
  if (another !== undefined) throw bad(`More than one certificate begins with "${fingerprint}"`);
  return { certificate: { ...entry.value, fingerprint: entry.key[1] ?? "" }, revision: entry.revision };
}

async function checked(
  context: Context,
  record: { type: string } & Omit<CertificateRecord, "type">,
): Promise<CertificateRecord> {
  mustBeType(record.type);
  for (const project of record.projects) await mustExist(context, project);
  return { ...record, type: record.type };
}

/** @throws {DreyError} `BAD_REQUEST`, or `NOT_SUPPORTED` for members of a cluster */
export function mustBeType(type: string): asserts type is CertificateType {
  if (type === "client" || type === "metrics") return;
  if (type !== "server") throw bad(`Unknown type of certificate "${type}": it is client or metrics`);
  throw new DreyError("NOT_SUPPORTED", { message: "Certificates of cluster members are not supported yet" });
}

async function must(committed: Promise<boolean>): Promise<void> {
  if (await committed) return;
  throw new DreyError("CONFLICT", {
    message: "The trust store was changed by somebody else",
    hint: "Try again",
  });
}

/** `CN` of a subject as node:crypto writes it, a line for each part. */
function commonName(subject: string | undefined): string | undefined {
  return /^CN=(.+)$/m.exec(subject ?? "")?.[1];
}

function happened(context: Context, action: string, fingerprint: string): Write {
  return lifecycleWrite(context, { project: "default", action, source: `/1.0/certificates/${fingerprint}` });
}

const keyOf = (fingerprint: string): Key => ["certificates", fingerprint];

function bad(message: string): DreyError {
  return new DreyError("BAD_REQUEST", { message });
}
