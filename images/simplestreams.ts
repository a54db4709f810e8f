// The simplestreams format: an index names files of products, products have versions, versions have items, which are
// files. Read into what LXD makes of them: images with fingerprints, aliases and properties.

import { DreyError } from "../errors.ts";
import type { Image } from "../wire/image.ts";
import { debianArchitecture, kernelArchitecture } from "./metadata.ts";

/** A file of an image as its server offers it. */
export interface CatalogFile {
  part: "metadata" | "rootfs";
  /** below the server's address */
  path: string;
  size: number;
  sha256: string;
  deltas?: CatalogDelta[];
}

/** What makes a file of that of an older image. */
export interface CatalogDelta {
  /** fingerprint of the older one */
  base: string;
  path: string;
  size: number;
  sha256: string;
}

/** An image somebody offers. */
export interface CatalogImage extends Omit<Image, "project" | "profiles" | "last_used_at"> {
  files: CatalogFile[];
  /** names without an architecture */
  names: string[];
}

/** Names of root file systems, the one we would rather have first, and what an image of each is for. */
const roots: readonly { ftype: string; type: Image["type"]; combined: readonly string[] }[] = [
  { ftype: "squashfs", type: "container", combined: ["combined_squashfs_sha256"] },
  { ftype: "root.tar.xz", type: "container", combined: ["combined_rootxz_sha256", "combined_sha256"] },
  { ftype: "disk-kvm.img", type: "virtual-machine", combined: ["combined_disk-kvm-img_sha256"] },
  { ftype: "uefi1.img", type: "virtual-machine", combined: ["combined_uefi1-img_sha256"] },
  { ftype: "disk1.img", type: "virtual-machine", combined: ["combined_disk1-img_sha256"] },
];

type Json = Record<string, unknown>;

/** lists that an index may name: each is asked for and kept, and the public servers have a few */
const mostLists = 16;

/**
 * Where an index says that products are, as paths below the server's address.
 *
 * @throws {DreyError} `NETWORK` if it is no index
 */
export function parseIndex(document: unknown): string[] {
  const { index } = record(document);
  const entries = Object.values(record(index)).map(record);
  const wanted = entries.filter(({ datatype, format, products }) =>
    datatype === "image-downloads" && (format === undefined || format === "products:1.0") &&
    (!Array.isArray(products) || products.length > 0)
  );
  const paths = [...new Set(wanted.map(({ path }) => checkPath(path)))];
  if (paths.length <= mostLists) return paths;
  throw new DreyError("NETWORK", {
    message: `Cannot use the index of images: it names ${paths.length} lists, and ${mostLists} is the most`,
  });
}

/** All images of a file of products, the newest of each product first. What cannot be used is left out. */
export function parseProducts(document: unknown): CatalogImage[] {
  const { products } = record(document);
  return Object.values(record(products)).flatMap((product) => productImages(record(product)));
}

function productImages(product: Json): CatalogImage[] {
  const architecture = kernelArchitecture(text(product.arch));
  if (architecture === undefined) return [];
  const names = text(product.aliases).split(",").map((name) => name.trim()).filter((name) => name !== "");
  const versions = Object.entries(record(product.versions))
    .filter(([serial]) => /^\d{8}/.test(serial))
    .sort(([a], [b]) => a < b ? 1 : -1);
  // only the newest version of each kind goes by the product's names
  const named = new Set<string>();
  return versions.flatMap(([serial, version]) => {
    const made = versionImages(record(version), { product, serial, architecture });
    return made.map((image) => {
      const isFirst = !named.has(image.type);
      named.add(image.type);
      return isFirst ? { ...image, names, aliases: aliasesOf(names, architecture) } : image;
    });
  });
}

interface Origin {
  product: Json;
  serial: string;
  architecture: string;
}

function versionImages(version: Json, origin: Origin): CatalogImage[] {
  const items = itemsOf(version);
  const metadata = metadataOf(items);
  const split = metadata === undefined ? [] : roots.flatMap(({ ftype, type, combined }) => {
    const root = items.find((item) => item.ftype === ftype);
    const fingerprint = combinedOf(metadata, combined);
    if (root === undefined || !isHash(fingerprint)) return [];
    const deltas = deltasOf(items, { product: origin.product, ftype, combined });
    const files = [
      fileOf("metadata", metadata),
      { ...fileOf("rootfs", root), ...deltas.length > 0 && { deltas } },
    ];
    return [imageOf(version, { ...origin, fingerprint, type, files, kind: ftype })];
  });
  const unified = items.filter(({ ftype }) => ftype === "lxd_combined.tar.gz").flatMap((item) => {
    const fingerprint = text(item.sha256);
    if (!isHash(fingerprint)) return [];
    const files = [fileOf("metadata", item)];
    return [imageOf(version, { ...origin, fingerprint, type: "container", files, kind: "tar.gz" })];
  });
  return [...split, ...unified].filter((image) => image.files.every(isUsable));
}

const itemsOf = (version: Json): Json[] => Object.values(record(version.items)).map(record);
const metadataOf = (items: readonly Json[]): Json | undefined =>
  items.find(({ ftype }) => ftype === "lxd.tar.xz" || ftype === "incus.tar.xz");
const combinedOf = (metadata: Json | undefined, keys: readonly string[]): string | undefined =>
  keys.map((key) => text(metadata?.[key])).find((hash) => hash !== "");

/** Deltas for a root file system, each from that of the version it names. */
function deltasOf(
  items: readonly Json[],
  { product, ftype, combined }: { product: Json; ftype: string; combined: readonly string[] },
): CatalogDelta[] {
  return items.filter((item) => item.ftype === `${ftype}.vcdiff`).flatMap((item) => {
    const older = record(record(product.versions)[text(item.delta_base)]);
    const base = combinedOf(metadataOf(itemsOf(older)), combined);
    const { path, size, sha256 } = fileOf("rootfs", item);
    return isHash(base) && isUsable({ part: "rootfs", path, size, sha256 })
      ? [{ base, path, size, sha256 }]
      : [];
  });
}

function imageOf(
  version: Json,
  made: Origin & { fingerprint: string; type: Image["type"]; files: CatalogFile[]; kind: string },
): CatalogImage {
  const { product, serial, architecture, fingerprint, type, files, kind } = made;
  const day = `${serial.slice(0, 4)}-${serial.slice(4, 6)}-${serial.slice(6, 8)}`;
  const created = Number.isNaN(Date.parse(day)) ? "1970-01-01T00:00:00Z" : `${day}T00:00:00Z`;
  const end = text(product.support_eol);
  return {
    fingerprint,
    type,
    architecture,
    filename: files[0]?.path.split("/").at(-1) ?? "",
    size: files.reduce((sum, { size }) => sum + size, 0),
    properties: propertiesOf(product, { serial, label: text(version.label), kind }),
    aliases: [],
    names: [],
    public: true,
    cached: false,
    auto_update: false,
    created_at: created,
    uploaded_at: created,
    expires_at: /^\d{4}-\d\d-\d\d$/.test(end) ? `${end}T00:00:00Z` : "1970-01-01T00:00:00Z",
    files,
  };
}

function propertiesOf(
  product: Json,
  { serial, label, kind }: { serial: string; label: string; kind: string },
): Record<string, string> {
  const title = [text(product.os), text(product.release_title), text(product.arch)]
    .filter((word) => word !== "").join(" ");
  const required = Object.entries(record(product.lxd_requirements ?? product.requirements))
    .map(([name, value]): [string, string] => [`requirements.${name}`, text(value)]);
  const all: Record<string, string> = {
    os: text(product.os),
    release: text(product.release),
    version: text(product.version),
    architecture: text(product.arch),
    variant: text(product.variant),
    label,
    serial,
    description: `${title}${label === "" ? "" : ` (${label})`} (${serial})`,
    type: kind,
    ...Object.fromEntries(required),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ""));
}

/** What people may type: a name alone for this host's architecture, and with any architecture behind a slash. */
function aliasesOf(names: readonly string[], architecture: string): Image["aliases"] {
  const isOurs = architecture === Deno.build.arch;
  const alias = (name: string) => ({ name, description: "" });
  return names.flatMap((name) => [
    ...(isOurs ? [alias(name)] : []),
    alias(`${name}/${debianArchitecture(architecture)}`),
  ]);
}

/** What is looked for in a catalog. */
export interface CatalogWish {
  /** an alias, with or without an architecture, or the beginning of a fingerprint */
  name: string;
  architecture: string;
  type: Image["type"];
}

/** The image that goes by a name; the newest if several do. */
export function findInCatalog(
  images: readonly CatalogImage[],
  { name, architecture, type }: CatalogWish,
): CatalogImage | undefined {
  const whole = images.find(({ fingerprint }) => fingerprint === name);
  if (whole !== undefined) return whole;
  const at = name.lastIndexOf("/");
  const named = at < 0 ? undefined : kernelArchitecture(name.slice(at + 1));
  const fits = (alias: string, kernel: string) => (image: CatalogImage) =>
    image.type === type && image.architecture === kernel && image.names.includes(alias);
  const found = newest(images.filter(fits(name, architecture))) ??
    (named === undefined ? undefined : newest(images.filter(fits(name.slice(0, at), named))));
  if (found !== undefined || !/^[0-9a-f]{6,}$/.test(name)) return found;
  const [first, ...more] = images.filter(({ fingerprint }) => fingerprint.startsWith(name));
  return more.length === 0 ? first : undefined;
}

function newest(images: readonly CatalogImage[]): CatalogImage | undefined {
  const serial = ({ properties }: CatalogImage) => properties.serial ?? "";
  // the sort is stable, so of one serial the kind we would rather have stays first
  return [...images].sort((a, b) => serial(a) < serial(b) ? 1 : serial(a) > serial(b) ? -1 : 0)[0];
}

function fileOf(part: CatalogFile["part"], item: Json): CatalogFile {
  const size = typeof item.size === "number" ? item.size : Number(text(item.size) || NaN);
  return { part, path: text(item.path), size, sha256: text(item.sha256) };
}

const isHash = (value: string | undefined): value is string => /^[0-9a-f]{64}$/.test(value ?? "");

/** Without a hash and a size nothing can be verified. */
const isUsable = ({ path, size, sha256 }: CatalogFile) =>
  isHash(sha256) && Number.isSafeInteger(size) && size > 0 && isPlain(path);

const isPlain = (path: string) => path !== "" && !path.startsWith("/") && !path.split("/").includes("..");

function checkPath(path: unknown): string {
  if (typeof path === "string" && isPlain(path)) return path;
  throw new DreyError("NETWORK", { message: `Cannot use the index of images: it names the path "${path}"` });
}

function text(value: unknown): string {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

function record(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value as Json : {};
}
