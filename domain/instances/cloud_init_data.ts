// What is handed to cloud-init, held to YAML where cloud-init reads nothing else: it would tell nobody but its own log.

import { DreyError } from "../../errors.ts";
import type { Config } from "../../wire/instance.ts";

const networkConfig = "cloud-init.network-config";
const data = ["cloud-init.user-data", "cloud-init.vendor-data"];

/**
 * Looks at what settings give cloud-init that is new to them. Data without the line `#cloud-config` at its top may be
 * anything: scripts, templates, archives.
 *
 * @throws {DreyError} `BAD_REQUEST` for what is no mapping in YAML
 */
export async function checkCloudInitData(config: Config, before: Config = {}): Promise<void> {
  const isNew = (key: string) => (config[key] ?? "") !== "" && config[key] !== before[key];
  const isYaml = (key: string) => key === networkConfig || /^#cloud-config\s*(\n|$)/.test(config[key] ?? "");
  const asked = [networkConfig, ...data].filter((key) => isNew(key) && isYaml(key));
  if (asked.length === 0) return;
  const { parse } = await import("@std/yaml");
  for (const key of asked) {
    const why = misread(parse, config[key] ?? "");
    if (why === undefined) continue;
    throw new DreyError("BAD_REQUEST", {
      message: `Invalid value of "${key}": expected a mapping in YAML: ${why}`,
    });
  }
}

/** Why a text is no mapping; one without anything in it passes. */
function misread(parse: (text: string) => unknown, text: string): string | undefined {
  try {
    const value = parse(firstDocument(text));
    if (value === null || value === undefined) return undefined;
    return typeof value === "object" && !Array.isArray(value) ? undefined : "it is none";
  } catch (error) {
    if (error instanceof SyntaxError) return error.message.split("\n")[0];
    throw error;
  }
}

/** cloud-init reads no further either. */
const firstDocument = (text: string): string =>
  text.replace(/^---[ \t]*\n/, "").split(/^---(?=\s|$)/m)[0] ?? "";
