// The server itself: what it is, what it runs on, what it can do.

import { fullPath } from "../sys/run.ts";
import { findTool } from "../sys/tools.ts";
import manifest from "../deno.json" with { type: "json" };
import type { Server, ServerEnvironment, ServerUntrusted } from "../wire/server.ts";
import { supportedDrivers } from "../storage/drivers.ts";
import { apiExtensions } from "./api_extensions.ts";
import { architectures } from "./architectures.ts";
import type { Context } from "./context.ts";
import { serverAddresses } from "./server_addresses.ts";
import { serverCertificate } from "./server_certificate.ts";
import { readServerConfig } from "./server_config.ts";

/** What everybody may know. */
export function describeUntrusted(): ServerUntrusted {
  return {
    api_extensions: [...apiExtensions],
    api_status: "stable",
    api_version: "1.0",
    auth: "untrusted",
    auth_methods: ["tls"],
    public: false,
  };
}

export interface Asking {
  username: string;
  /** how they proved who they are */
  method: "unix" | "tls";
  project: string;
  /** whether they may see the settings */
  isAdmin: boolean;
}

/** What those may know who may use the server. */
export async function describeServer(context: Context, asking: Asking): Promise<Server> {
  const config = await readServerConfig(context);
  const { certificate, fingerprint } = await serverCertificate(context);
  return {
    ...describeUntrusted(),
    auth: "trusted",
    config: asking.isAdmin ? config : {},
    auth_user_name: asking.username,
    auth_user_method: asking.method,
    environment: {
      ...await describeEnvironment(asking.project),
      addresses: serverAddresses(config),
      certificate,
      certificate_fingerprint: fingerprint,
    },
  };
}

type Environment = Omit<ServerEnvironment, "addresses" | "certificate" | "certificate_fingerprint">;

/**
 * The LXD whose API this is. Clients ask for one that is new enough, as Terraform's does for 5.0; the version of drey is
 * that of the driver.
 */
const lxdVersion = "5.0.2";

async function describeEnvironment(project: string): Promise<Environment> {
  const os = await osRelease();
  return {
    architectures: architectures(),
    driver: "drey",
    driver_version: manifest.version,
    firewall: findTool("nft", fullPath()) === undefined ? "" : "nftables",
    instance_types: hasMachines() ? ["container", "virtual-machine"] : ["container"],
    kernel: "Linux",
    kernel_architecture: Deno.build.arch,
    kernel_features: kernelFeatures(),
    kernel_version: Deno.osRelease(),
    lxc_features: {},
    os_name: os["NAME"] ?? "",
    os_version: os["VERSION_ID"] ?? "",
    project,
    server: "drey",
    server_clustered: false,
    server_event_mode: "full-mesh",
    server_name: Deno.hostname(),
    server_pid: Deno.pid,
    server_version: lxdVersion,
    storage: "dir",
    storage_version: "1",
    storage_supported_drivers: await supportedDrivers(),
  };
}

/** Whether the program is there that virtual machines run on. */
const hasMachines = () => findTool(`qemu-system-${Deno.build.arch}`, fullPath()) !== undefined;

/** What LXD asks of kernels; drey builds on none of it. */
function kernelFeatures(): Record<string, string> {
  const names = ["idmapped_mounts", "netnsid_getifaddrs", "seccomp_listener", "uevent_injection"];
  return Object.fromEntries(names.map((name) => [name, "false"]));
}

/** @see os-release(5) */
async function osRelease(): Promise<Record<string, string>> {
  for (const path of ["/etc/os-release", "/usr/lib/os-release"]) {
    try {
      return parseOsRelease(await Deno.readTextFile(path));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return {};
}

function parseOsRelease(text: string): Record<string, string> {
  const lines = text.matchAll(/^([A-Z_0-9]+)=(?:"([^"\n]*)"|'([^'\n]*)'|(.*))$/gm);
  return Object.fromEntries([...lines].map((line) => [line[1] ?? "", line[2] ?? line[3] ?? line[4] ?? ""]));
}
