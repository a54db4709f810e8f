// Application containers: what their image wants to run, as settings of the instance, and how that is started.

import { dirname, join } from "@std/path";
import * as keys from "../../config/instance_keys.ts";
import { readKey } from "../../config/key.ts";
import { DreyError } from "../../errors.ts";
import { splitWords } from "../../images/oci.ts";
import type { Content } from "../../storage/driver.ts";
import { imageTrees } from "../../storage/layers.ts";
import { signals } from "../../sys/processes.ts";
import type { Image } from "../../wire/image.ts";
import type { Config } from "../../wire/instance.ts";
import type { Context } from "../context.ts";
import type { InitChoice } from "./init.ts";

/** Names of the settings that say what an application container runs. */
export const isApplicationKey = (key: string): boolean =>
  /^(oci\.(entrypoint|cwd|uid|gid|stop_signal)|environment\..+)$/.test(key);

/** Those of them that are given. */
export const applicationPart = (settings: Config): Config =>
  Object.fromEntries(Object.entries(settings).filter(([key]) => isApplicationKey(key)));

/** What an image made of an application container says of it in its properties; nothing of another instance. */
export function applicationProperties(config: Config): Record<string, string> {
  if (!config[keys.ociEntrypoint.name]) return {};
  const ports = config["image.exposed_ports"];
  return { ...applicationPart(config), ...ports && { exposed_ports: ports } };
}

/**
 * The settings an instance gets from an application image, or from one that was made of such an instance; none from any
 * other.
 *
 * @throws {DreyError} `BAD_REQUEST` for properties that are no settings
 */
export async function applicationSettings(
  context: Context,
  image: Pick<Image, "fingerprint" | "properties">,
  content: Content,
): Promise<Config> {
  if (image.properties[keys.ociEntrypoint.name]) {
    const settings = applicationPart(image.properties);
    keys.validateInstanceConfig(settings, "container");
    return settings;
  }
  if (image.properties.type !== "oci" || content.image === undefined) return {};
  const { applicationConfig } = await import("../images/remote_oci.ts");
  const layers = imageTrees(dirname(content.image.rootfs));
  return await applicationConfig(context, image, (path) => readPlain(layers, path));
}

/** A plain file of the topmost layer that has it. An image is anybody's: its links could lead anywhere. */
function readPlain(layers: readonly string[], path: string): string | undefined {
  for (const layer of layers) {
    try {
      const info = Deno.lstatSync(join(layer, path));
      return info.isFile && info.size < 1 << 20 ? Deno.readTextFileSync(join(layer, path)) : undefined;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return undefined;
}

/** How the program of an application container is run; undefined for a container with an init of its own. */
export function applicationInit(config: Config): InitChoice | undefined {
  const line = readKey(config, keys.ociEntrypoint) ?? "";
  if (line === "") return undefined;
  const argv = splitWords(line);
  if (argv.length === 0) throw new DreyError("BAD_REQUEST", { message: `"oci.entrypoint" names no command` });
  return {
    argv,
    haltSignal: signals.TERM,
    application: {
      uid: readKey(config, keys.ociUid) ?? 0,
      gid: readKey(config, keys.ociGid) ?? 0,
      cwd: readKey(config, keys.ociCwd) ?? "/",
      stopSignal: signalNumber(readKey(config, keys.ociStopSignal) ?? "SIGTERM"),
    },
  };
}

const numbers: Record<string, number> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  KILL: 9,
  USR1: 10,
  USR2: 12,
  TERM: 15,
  WINCH: 28,
  PWR: 30,
};

/** `SIGQUIT`, `QUIT`, `3` and `SIGRTMIN+3` as numbers; signal(7). @throws {DreyError} `BAD_REQUEST` */
function signalNumber(name: string): number {
  const plain = name.toUpperCase().replace(/^SIG/, "");
  const [, above] = /^RTMIN(?:\+(\d+))?$/.exec(plain) ?? [];
  const number = /^\d+$/.test(plain)
    ? Number(plain)
    : plain.startsWith("RTMIN")
    ? 34 + Number(above ?? 0)
    : numbers[plain];
  if (number !== undefined && number > 0 && number <= 64) return number;
  throw new DreyError("BAD_REQUEST", { message: `There is no signal "${name}"` });
}
