// Registries of OCI images: names, tokens, manifests. The distribution specification, as docker.io and its like speak it.

import { createHash } from "node:crypto";
import { DreyError } from "../errors.ts";
import { ask, parseJson, readBytes, readJson, readText } from "./http.ts";
import { type Credentials, identityUser } from "./oci_credentials.ts";
import { isManifestList, type Manifest, manifestTypes, parseManifest, pickPlatform } from "./oci.ts";

/** `bytes`: what registries take themselves, and more */
const longestManifest = 1 << 24;

export interface Reference {
  /** the registry's address, `https://registry-1.docker.io` */
  base: string;
  /** host as credentials are filed under */
  host: string;
  /** `library/nginx` */
  repository: string;
  /** tag, or digest with its algorithm */
  reference: string;
}

/**
 * What a name means at a server: `nginx:alpine` at `https://docker.io`, `org/app@sha256:…` at `https://ghcr.io`. A path
 * of the server's address goes in front of the name.
 *
 * @throws {DreyError} `BAD_REQUEST`
 */
export function parseReference(server: string, name: string): Reference {
  const [, before = "", tag, digest] =
    /^([a-z0-9]+(?:[._/-]+[a-z0-9]+)*)(?::([\w][\w.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$/.exec(name) ?? [];
  if (before === "" || !URL.canParse(server) || !/^https?:$/.test(new URL(server).protocol)) {
    throw new DreyError("BAD_REQUEST", {
      message: `Cannot read the image name "${name}"`,
      hint: "Names are like nginx, nginx:alpine or org/app@sha256:…, without capital letters",
    });
  }
  const url = new URL(server);
  const path = [...url.pathname.split("/"), ...before.split("/")].filter((word) => word !== "");
  const isHub = ["docker.io", "index.docker.io", "registry-1.docker.io"].includes(url.host);
  const base = isHub ? "https://registry-1.docker.io" : url.origin;
  const repository = isHub && path.length === 1 ? `library/${path[0]}` : path.join("/");
  return { base, host: isHub ? "docker.io" : url.host, repository, reference: digest ?? tag ?? "latest" };
}

export interface Registry {
  /** the manifest of an image for an architecture, with its digest */
  manifest(architecture: string): Promise<{ digest: string; text: string; manifest: Manifest }>;
  /** a small blob, verified */
  blob(digest: string): Promise<Uint8Array<ArrayBuffer>>;
  /** where a blob is and what must be said to get it */
  blobSource(digest: string): { url: string; headers: Record<string, string> };
  /** what must be said from now on: a token may be good for a minute, and layers take longer */
  renew(): Promise<Record<string, string>>;
}

/**
 * Opens a repository, proving who we are if the registry asks.
 *
 * @throws {DreyError} `NOT_FOUND`, `FORBIDDEN`, `NETWORK`
 */
export async function openRegistry(
  name: Reference,
  { credentials, signal }: { credentials?: Credentials; signal?: AbortSignal } = {},
): Promise<Registry> {
  const root = `${name.base}/v2/${name.repository}`;
  const stop = signal === undefined ? {} : { signal };
  const first = await ask(`${root}/manifests/${name.reference}`, {
    method: "HEAD",
    headers: { accept: manifestTypes.join(", ") },
    accept: [401],
    ...stop,
  });
  const challenge = first.headers.get("www-authenticate");
  await first.body?.cancel();
  // whoever a registry sends us on to has no claim to what we keep for the registry
  if (first.status === 401 && new URL(first.url).origin !== name.base) throw strange(name, first.url);
  const prove = async (): Promise<Record<string, string>> => ({
    authorization: await authorize(challenge ?? "", { name, ...credentials && { credentials }, ...stop }),
  });
  const headers = first.status === 401 ? await prove() : {};
  const get = (path: string, more: Record<string, string> = {}) =>
    ask(`${root}/${path}`, { headers: { ...headers, ...more }, ...stop });
  const readManifest = async (reference: string) => {
    const response = await get(`manifests/${reference}`, { accept: manifestTypes.join(", ") });
    const text = await readText(response, longestManifest);
    const digest = `sha256:${sha256(text)}`;
    if (reference.startsWith("sha256:") && reference !== digest) throw altered(reference);
    return { digest, text, document: parseJson(text, `the manifest of ${name.host}`) };
  };
  return {
    async manifest(architecture) {
      const found = await readManifest(name.reference);
      if (!isManifestList(found.document)) return { ...found, manifest: parseManifest(found.document) };
      const chosen = await readManifest(pickPlatform(found.document, architecture));
      return { ...chosen, manifest: parseManifest(chosen.document) };
    },
    async blob(digest) {
      const bytes = Uint8Array.from(await readBytes(await get(`blobs/${digest}`)));
      if (`sha256:${sha256(bytes)}` !== digest) throw altered(digest);
      return bytes;
    },
    blobSource: (digest) => ({ url: `${root}/blobs/${digest}`, headers }),
    renew: prove,
  };
}

/** Answers a registry's challenge: a token of its token server, or the password itself. */
async function authorize(
  challenge: string,
  { name, credentials, signal }: { name: Reference; credentials?: Credentials; signal?: AbortSignal },
): Promise<string> {
  const basic = credentials && `Basic ${base64(`${credentials.user}:${credentials.password}`)}`;
  const part = (key: string) => new RegExp(`${key}="([^"]*)"`, "i").exec(challenge)?.[1];
  const realm = part("realm");
  if (!/^bearer\b/i.test(challenge) || realm === undefined) {
    if (basic !== undefined) return basic;
    throw new DreyError("FORBIDDEN", {
      message: `The registry ${name.host} wants a name and a password`,
      hint: `Log in with: skopeo login ${name.host} (or podman, docker)`,
    });
  }
  const url = realmOf(name, realm);
  const service = part("service");
  if (service !== undefined) url.searchParams.set("service", service);
  url.searchParams.set("scope", part("scope") ?? `repository:${name.repository}:pull`);
  const stop = signal === undefined ? {} : { signal };
  // fetch() takes headers from a request that is sent on to another host, and leaves it its body
  const post = { method: "POST", redirect: "error" } as const;
  const response = credentials?.user === identityUser
    ? await ask(realm, { ...stop, ...post, body: exchange(url, credentials.password) })
    : await ask(url.href, { headers: basic === undefined ? {} : { authorization: basic }, ...stop });
  const answer = await readJson(response) as { token?: unknown; access_token?: unknown } | null;
  const token = answer?.token ?? answer?.access_token;
  if (typeof token === "string") return `Bearer ${token}`;
  throw new DreyError("NETWORK", { message: `The token server of ${name.host} gave no token` });
}

/** Where tokens are to be had. What is kept secret on the way to a registry is not sent on in the open. */
function realmOf({ base, host }: Reference, realm: string): URL {
  const url = URL.canParse(realm) ? new URL(realm) : undefined;
  if (url?.protocol === "https:" || (url?.protocol === "http:" && base.startsWith("http:"))) return url;
  throw new DreyError("NETWORK", {
    message: `The registry ${host} names a token server that cannot be used: "${realm.slice(0, 200)}"`,
  });
}

function strange({ host }: Reference, asked: string): DreyError {
  return new DreyError("FORBIDDEN", {
    message: `The registry ${host} sends us on to ${new URL(asked).host}, which wants a name and a password`,
    hint: `If that is a registry you trust, name the image as it is called there`,
  });
}

/** The form that gives an identity token for one that opens this repository; the distribution's OAuth2 page. */
function exchange({ searchParams }: URL, token: string): URLSearchParams {
  return new URLSearchParams([
    ...searchParams,
    ["grant_type", "refresh_token"],
    ["refresh_token", token],
    ["client_id", "drey"],
  ]);
}

const base64 = (text: string) => new TextEncoder().encode(text).toBase64();
const sha256 = (content: string | Uint8Array) => createHash("sha256").update(content).digest("hex");

const altered = (digest: string) =>
  new DreyError("IMAGE_INVALID", { message: `The registry's answer does not have the digest ${digest}` });
