// The server itself.

import * as s from "./schema.ts";

/** What a server runs on. */
export interface ServerEnvironment {
  /** `host:port` where it listens over HTTPS */
  addresses: string[];
  architectures: string[];
  /** PEM */
  certificate: string;
  /** SHA-256 of the certificate, in hexadecimal */
  certificate_fingerprint: string;
  /** what runs instances: `drey`, in LXD `lxc` and `qemu` */
  driver: string;
  driver_version: string;
  firewall: string;
  instance_types: string[];
  kernel: string;
  kernel_architecture: string;
  /** LXD sends booleans as strings here */
  kernel_features: Record<string, string>;
  kernel_version: string;
  lxc_features: Record<string, string>;
  os_name: string;
  os_version: string;
  project: string;
  server: string;
  server_clustered: boolean;
  server_event_mode: string;
  server_name: string;
  server_pid: number;
  server_version: string;
  storage: string;
  storage_version: string;
  storage_supported_drivers: { Name: string; Version: string; Remote: boolean }[];
}

/** What a server says of itself to everybody. */
export interface ServerUntrusted {
  /** names of what it keeps beyond the first version of the API */
  api_extensions: string[];
  api_status: string;
  api_version: string;
  /** whether it trusts the caller */
  auth: "trusted" | "untrusted";
  auth_methods: string[];
  /** whether it is there for its images alone */
  public: boolean;
}

/** What a server says of itself to those it trusts. */
export interface Server extends ServerUntrusted {
  /** settings of the server; empty for callers confined to projects */
  config: Record<string, string>;
  environment: ServerEnvironment;
  auth_user_name: string;
  auth_user_method: string;
}

/** What a server that stands alone says of its cluster. */
export interface Cluster {
  server_name: string;
  enabled: boolean;
  member_config: unknown[];
}

/** A configuration key as LXD describes its own. */
export interface DescribedKey {
  type: string;
  shortdesc: string;
  longdesc: string;
  defaultdesc?: string;
  liveupdate?: string;
  /** `global`: no key is that of one member of a cluster */
  scope: string;
}

/** Keys by what they configure and by group; each key is an object of its own in a list. */
export interface ConfigurationMetadata {
  configs: Record<string, Record<string, { keys: Record<string, DescribedKey>[] }>>;
}

/** Values that are `null` or empty unset their key. */
export const serverPut = s.object({ config: s.optional(s.record(s.unknown)) });
/** Settings of the server. Values that are `null` or empty unset their key. */
export type ServerPut = s.TypeOf<typeof serverPut>;
