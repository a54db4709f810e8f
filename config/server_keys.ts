// The configuration keys of the server: those drey obeys, and the names of those it knows of.

import { DreyError } from "../errors.ts";
import { listenAddress, listenAddressWith } from "./addresses.ts";
import { findRow, type Key, unknownKeyOf, type Values } from "./key.ts";
import * as types from "./types.ts";

export type ServerKey<T = unknown> = Pick<Key<T>, "name" | "type" | "default" | "short" | "live">;

/** A server follows each change at once. */
const row = <T>(key: Omit<ServerKey<T>, "live">): ServerKey<T> => ({ ...key, live: true });
const compression = types.oneOf("bzip2", "gzip", "lzma", "xz", "zstd", "none");

export const httpsAddress = row({
  name: "core.https_address",
  type: listenAddress,
  short: "Where drey serve listens for HTTPS; nowhere if unset",
});
export const dnsAddress = row({
  name: "core.dns_address",
  type: listenAddressWith(53),
  short: "Where drey serve lets other servers of DNS fetch its network zones; nowhere if unset",
});
export const metricsAddress = row({
  name: "core.metrics_address",
  type: listenAddressWith(9100),
  short: "Where drey serve offers the metrics, and nothing else, over HTTPS; nowhere if unset",
});
export const metricsAuthentication = row({
  name: "core.metrics_authentication",
  type: types.bool,
  default: "true",
  short: "Whether only trusted clients get the metrics at core.metrics_address",
});
export const tokenExpiry = row({
  name: "core.remote_token_expiry",
  type: types.span,
  default: "15d",
  short: "How long a trust token can be used",
});
export const allowedOrigin = row({
  name: "core.https_allowed_origin",
  type: types.string,
  short: "Origin of web pages, other than the server's own, that may call it",
});
export const allowedMethods = row({
  name: "core.https_allowed_methods",
  type: types.string,
  short: "Methods such pages may use",
});
export const allowedHeaders = row({
  name: "core.https_allowed_headers",
  type: types.string,
  short: "Headers such pages may send",
});
export const allowedCredentials = row({
  name: "core.https_allowed_credentials",
  type: types.bool,
  default: "false",
  short: "Whether such pages may use the client's certificate",
});
export const proxyHttp = row({
  name: "core.proxy_http",
  type: types.proxy,
  short: "Proxy through which images come from servers of http; unset, that of the environment",
});
export const proxyHttps = row({
  name: "core.proxy_https",
  type: types.proxy,
  short: "The same for https",
});
export const proxyIgnoreHosts = row({
  name: "core.proxy_ignore_hosts",
  type: types.string,
  short: "Hosts that need none of these two, separated by commas",
});
export const shutdownTimeout = row({
  name: "core.shutdown_timeout",
  type: types.integer({ min: 0 }),
  default: "5",
  short: "Minutes that running operations are given when the server ends",
});
export const imagesCompression = row({
  name: "images.compression_algorithm",
  type: compression,
  default: "gzip",
  short: "How images made here are compressed",
});
export const imagesAutoUpdateCached = row({
  name: "images.auto_update_cached",
  type: types.bool,
  default: "true",
  short: "Whether images that were fetched for an instance are kept up to date",
});
export const imagesAutoUpdateInterval = row({
  name: "images.auto_update_interval",
  type: types.integer({ min: 0 }),
  default: "6",
  short: "Hours between looks for newer images; 0 for never",
});
export const imagesDefaultArchitecture = row({
  name: "images.default_architecture",
  type: types.architecture,
  short: "Architecture of images where none is asked for",
});
export const imagesCacheExpiry = row({
  name: "images.remote_cache_expiry",
  type: types.integer({ min: 0 }),
  default: "10",
  short: "Days after which a fetched image that nobody uses is removed",
});
export const backupsCompression = row({
  name: "backups.compression_algorithm",
  type: compression,
  default: "gzip",
  short: "How backups are compressed",
});
export const serverUser = row({
  name: "user.*",
  type: types.string,
  short: "Anything, for people and scripts; drey only keeps it",
});

/** Every key of the server that drey obeys. */
export const serverKeys: readonly ServerKey[] = [
  httpsAddress,
  dnsAddress,
  metricsAddress,
  metricsAuthentication,
  tokenExpiry,
  allowedOrigin,
  allowedMethods,
  allowedHeaders,
  allowedCredentials,
  proxyHttp,
  proxyHttps,
  proxyIgnoreHosts,
  shutdownTimeout,
  imagesCompression,
  imagesAutoUpdateCached,
  imagesAutoUpdateInterval,
  imagesDefaultArchitecture,
  imagesCacheExpiry,
  backupsCompression,
  serverUser,
];

const notYet = "it is not supported yet";
const oneMachine = "drey serves one machine and forms no clusters";
const byCertificate = "clients are known by their certificates alone";
const noOvn = "networks of type ovn are not supported yet";
const inState = "they lie in the state directory, which DREY_DIR names";

/** LXD's keys that drey does not obey, with the reason: setting one is refused, so that nobody counts on it. */
export const serverKeysToCome: Readonly<Record<string, string>> = {
  "acme.*": "certificates of an authority are put beside the database by hand: server.crt and server.key",
  "candid.*": byCertificate,
  "cluster.*": oneMachine,
  "core.auth_secret_expiry": byCertificate,
  "core.bgp_address": "routes are not announced by BGP yet",
  "core.bgp_asn": "routes are not announced by BGP yet",
  "core.bgp_routerid": "routes are not announced by BGP yet",
  "core.debug_address": "it opens Go's own profiler in LXD",
  "core.https_trusted_proxy": notYet,
  "core.storage_buckets_address": "storage buckets are not supported yet",
  "core.syslog_socket": "it serves networks of type ovn",
  "core.trust_ca_certificates": "clients are trusted one by one: drey config trust add",
  "instances.migration.stateful": "it is a key of each instance: migration.stateful",
  "instances.nic.host_name": notYet,
  "loki.*": "events are followed by drey monitor, which any program may pass on",
  "maas.*": "LXD itself has given it up",
  "network.ovn.*": noOvn,
  "oidc.*": byCertificate,
  "rbac.*": byCertificate,
  "storage.backups_volume": inState,
  "storage.images_volume": inState,
  "storage.project.*": inState,
  "user.instances.placement.scriptlet": oneMachine,
  "volatile.uuid": "it is not for setting",
};

/**
 * Holds the configuration of the server against the table. An empty value is an unset key and passes.
 *
 * @throws {DreyError} `BAD_REQUEST` for an unknown key or a value of the wrong form, `NOT_SUPPORTED` for a key of LXD
 * that drey does not obey
 */
export function validateServerConfig(config: Values): void {
  for (const [name, value] of Object.entries(config)) validate(name, value);
}

function validate(name: string, value: string): void {
  if (name === "core.trust_password") {
    throw new DreyError("NOT_SUPPORTED", {
      message: "A trust password is not supported: it would let in whoever guesses it",
      hint: "Make a token for each client: drey config trust add",
    });
  }
  const found = findRow(serverKeys, name);
  const [, because] =
    Object.entries(serverKeysToCome).find(([known]) =>
      known.endsWith("*") ? name.startsWith(known.slice(0, -1)) : name === known
    ) ?? [];
  if (because !== undefined) {
    throw new DreyError("NOT_SUPPORTED", {
      message: `Configuration key "${name}" is not supported: ${because}`,
    });
  }
  if (found === undefined) throw unknownKeyOf(serverKeys, name);
  if (value === "") return;
  if (value.includes("\0")) throw bad(`Invalid value for "${name}": it holds a zero byte`);
  const parsed = found.type.parse(value);
  if ("problem" in parsed) throw bad(`Invalid value for "${name}": ${parsed.problem}, got "${value}"`);
}

function bad(message: string): DreyError {
  return new DreyError("BAD_REQUEST", { message });
}
