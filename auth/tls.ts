// Certificates of servers and clients: made by ourselves, known by their fingerprint. Nobody signs for anybody; whom
// a fingerprint belongs to is the trust store's business.

import { createHash, timingSafeEqual, X509Certificate } from "node:crypto";
import { isIP, isIPv4 } from "node:net";
import { DreyError } from "../errors.ts";
import * as der from "./der.ts";

export interface KeyPair {
  /** PEM */
  certificate: string;
  /** PEM, PKCS#8 */
  key: string;
}

export interface CertificateOptions {
  /** who it stands for, such as `drey@host` */
  commonName: string;
  use: "server" | "client";
  /** names and addresses a server is reached by */
  hosts?: readonly string[];
  now?: Date;
}

/** Years a certificate is good for: as long as LXD's, since trust ends by removing it and not by its age. */
const years = 10;

const oids = {
  ecdsaWithSha384: "1.2.840.10045.4.3.3",
  organization: "2.5.4.10",
  commonName: "2.5.4.3",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  extendedKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
};

/** Makes a self-signed certificate with an ECDSA key over P-384; RFC 5280. */
export async function makeCertificate(options: CertificateOptions): Promise<KeyPair> {
  const algorithm = { name: "ECDSA", namedCurve: "P-384" };
  const pair = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const spki = new Uint8Array(await crypto.subtle.exportKey("spki", pair.publicKey));
  const unsigned = toBeSigned(options, spki);
  const raw = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-384" }, pair.privateKey, unsigned.slice());
  const signed = der.sequence(unsigned, signatureAlgorithm(), der.bits(signatureOf(new Uint8Array(raw))));
  const key = new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
  return { certificate: der.pem("CERTIFICATE", signed), key: der.pem("PRIVATE KEY", key) };
}

function toBeSigned({ commonName, use, hosts = [], now = new Date() }: CertificateOptions, spki: Uint8Array) {
  const until = new Date(now);
  until.setUTCFullYear(until.getUTCFullYear() + years);
  const name = nameOf(commonName);
  // a serial number is positive: its first bit is 0
  const serial = crypto.getRandomValues(new Uint8Array(16)).with(0, 0x5d);
  return der.sequence(
    der.tagged(0xa0, der.integer(Uint8Array.of(2))), // version 3
    der.integer(serial),
    signatureAlgorithm(),
    name,
    der.sequence(der.time(now), der.time(until)),
    name,
    spki,
    der.tagged(0xa3, der.sequence(...extensions(use, hosts))),
  );
}

/** `CA:FALSE` among them: clients that read RFC 5280 strictly refuse a server whose certificate may sign others. */
function extensions(use: CertificateOptions["use"], hosts: readonly string[]): Uint8Array[] {
  const critical = (id: string, value: Uint8Array) =>
    der.sequence(der.oid(id), der.isTrue, der.octets(value));
  const plain = (id: string, value: Uint8Array) => der.sequence(der.oid(id), der.octets(value));
  const digitalSignature = der.bits(Uint8Array.of(0x80), 7);
  return [
    critical(oids.basicConstraints, der.sequence()),
    critical(oids.keyUsage, digitalSignature),
    plain(oids.extendedKeyUsage, der.sequence(der.oid(use === "server" ? oids.serverAuth : oids.clientAuth))),
    ...(hosts.length === 0 ? [] : [plain(oids.subjectAltName, der.sequence(...hosts.map(altName)))]),
  ];
}

const signatureAlgorithm = () => der.sequence(der.oid(oids.ecdsaWithSha384));

function nameOf(commonName: string): Uint8Array {
  const part = (id: string, value: string) => der.set(der.sequence(der.oid(id), der.text(value)));
  return der.sequence(part(oids.organization, "drey"), part(oids.commonName, commonName.slice(0, 64)));
}

/** Web cryptography gives the two numbers side by side, X.509 wants them as a sequence. */
function signatureOf(raw: Uint8Array): Uint8Array {
  const half = raw.length / 2;
  return der.sequence(der.integer(raw.subarray(0, half)), der.integer(raw.subarray(half)));
}

function altName(host: string): Uint8Array {
  if (isIP(host) === 0) return der.tagged(0x82, new TextEncoder().encode(host));
  return der.tagged(0x87, isIPv4(host) ? Uint8Array.from(host.split("."), Number) : ipv6Bytes(host));
}

function ipv6Bytes(address: string): Uint8Array {
  // the parser of URLs writes an address in its one canonical form
  const [head = "", tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const groups = (part: string) => part === "" ? [] : part.split(":");
  const [left, right] = [groups(head), groups(tail ?? "")];
  const middle = tail === undefined ? [] : Array(8 - left.length - right.length).fill("0");
  return Uint8Array.from([...left, ...middle, ...right].flatMap((group) => {
    const value = parseInt(group, 16);
    return [value >> 8, value & 0xff];
  }));
}

/**
 * A certificate from PEM, or from base64 of its DER as LXD's API has it.
 *
 * @throws {DreyError} `BAD_REQUEST` if it is none
 */
export function readCertificate(text: string): X509Certificate {
  const body = text.includes("-----BEGIN") ? text : der.pem("CERTIFICATE", bytesOf(text));
  try {
    return new X509Certificate(body);
  } catch (error) {
    throw new DreyError("BAD_REQUEST", {
      message: "Invalid certificate: X.509 as PEM was expected",
      cause: error,
    });
  }
}

/** The names and addresses a certificate is for. */
export function hostsOf(certificate: string): string[] {
  const names = readCertificate(certificate).subjectAltName ?? "";
  return [...names.matchAll(/(?:DNS|IP Address):([^,\s]+)/g)].map(([, host = ""]) => host);
}

/** The SHA-256 of a certificate in its binary form, in hexadecimal. */
export function fingerprintOf(certificate: X509Certificate | Uint8Array): string {
  const bytes = certificate instanceof Uint8Array ? certificate : certificate.raw;
  return createHash("sha256").update(bytes).digest("hex");
}

/** Compares in a time that does not tell how much of two secrets or fingerprints agrees. */
export function isSame(a: string, b: string): boolean {
  const digest = (value: string) => createHash("sha256").update(value).digest();
  return timingSafeEqual(digest(a), digest(b));
}

function bytesOf(text: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(text.replace(/\s/g, ""));
  } catch (error) {
    throw new DreyError("BAD_REQUEST", { message: "Invalid certificate: it is no base64", cause: error });
  }
}
