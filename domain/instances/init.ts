// Which init an image brings: what to run as process 1, and what asks it to power off.

import { join } from "@std/path";
import { DreyError } from "../../errors.ts";
import type { Application } from "../../runtime/steps.ts";
import { signals } from "../../sys/processes.ts";

/** What an init is; "none" where a shell may stand in for it, "nothing" where there is none either. */
export type InitKind = "systemd" | "busybox" | "other" | "none" | "nothing";

export interface InitChoice {
  argv: string[];
  haltSignal: number;
  /** how the program runs where it is no init itself */
  application?: Application;
  /** what is less than the image expects, for people */
  warning?: string;
  /** the root has no such program */
  isMissing?: boolean;
}

/**
 * What `/sbin/init` of a root file system is, looked up in its layers from the top; links are followed inside the
 * layers only. "nothing" has no `/bin/sh` either.
 */
export function findInit(layers: readonly string[]): InitKind {
  const kinds: [RegExp, InitKind][] = [[/(^|\/)systemd$/, "systemd"], [/(^|\/)busybox$/, "busybox"]];
  const kindOf = (path: string) => kinds.find(([pattern]) => pattern.test(path))?.[1];
  const program = followed(layers, "/sbin/init", (path) => kindOf(path) !== undefined);
  if (program !== undefined) return kindOf(program) ?? "other";
  return layers.every(isReadable) && followed(layers, "/bin/sh") === undefined ? "nothing" : "none";
}

/** Where a path leads in the layers, or that far on the way there as is enough; undefined if nowhere. */
function followed(
  layers: readonly string[],
  path: string,
  isEnough: (path: string) => boolean = () => false,
): string | undefined {
  for (let hops = 0; hops < 10; hops++) {
    const found = lookUp(layers, path);
    if (found === undefined) return undefined;
    if (found.link === undefined || isEnough(path)) return path;
    path = found.link;
  }
  return path;
}

/** Whether what is not seen in a layer is not there; a top that was never written to is not there itself. */
function isReadable(layer: string): boolean {
  try {
    Deno.readDirSync(layer);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    if (error instanceof Deno.errors.PermissionDenied) return false;
    throw error;
  }
}

/** A path in the layers: where it leads if one of its parts is a link, else that it exists. */
function lookUp(layers: readonly string[], path: string): { link?: string } | undefined {
  const words = path.split("/").filter((word) => word !== "");
  for (let depth = 1; depth <= words.length; depth++) {
    const entry = topEntry(layers, words.slice(0, depth).join("/"));
    if (entry === undefined) return undefined;
    if (entry.link === undefined) continue;
    const base = entry.link.startsWith("/") ? [] : words.slice(0, depth - 1);
    const resolved = normalize([...base, ...entry.link.split("/"), ...words.slice(depth)]);
    return { link: `/${resolved.join("/")}` };
  }
  return {};
}

function normalize(words: readonly string[]): string[] {
  const result: string[] = [];
  for (const word of words) {
    if (word === "..") result.pop();
    else if (word !== "" && word !== ".") result.push(word);
  }
  return result;
}

/** What the first layer that knows a path says of it; a character device is how overlayfs says "deleted". */
function topEntry(layers: readonly string[], path: string): { link?: string } | undefined {
  for (const layer of layers) {
    try {
      const info = Deno.lstatSync(join(layer, path));
      if (info.isCharDevice) return undefined;
      return info.isSymlink ? { link: Deno.readLinkSync(join(layer, path)) } : {};
    } catch {
      // not there, or not for our eyes
    }
  }
  return undefined;
}

/** Takes the place of an init that cannot run: reaps what is left to it and ends when asked. */
const substitute = "trap 'exit 0' TERM PWR INT; while :; do sleep 2147483647 & wait $!; done";

/**
 * How process 1 is started. systemd needs a cgroup it may divide; without one a shell of the image stands in, so that
 * commands still run.
 */
export function chooseInit(kind: InitKind, hasCgroup: boolean): InitChoice {
  if (kind === "systemd" && !hasCgroup) {
    return {
      argv: ["/bin/sh", "-c", substitute],
      haltSignal: signals.PWR,
      warning:
        "systemd cannot run without a cgroup of its own and this host delegates none to the user, so no service " +
        "is started; see drey doctor",
    };
  }
  if (kind === "none" || kind === "nothing") {
    return {
      ...kind === "nothing" && { isMissing: true },
      argv: ["/bin/sh", "-c", substitute],
      haltSignal: signals.PWR,
      warning: "the image has no /sbin/init, so a shell that waits stands in",
    };
  }
  const haltSignal = { systemd: signals.RTMIN_3, busybox: signals.USR2, other: signals.PWR }[kind];
  return { argv: ["/sbin/init"], haltSignal };
}

/** The same facts, if there is a program to begin with. @throws {DreyError} `BAD_REQUEST` */
export function startable<Facts extends { init: InitChoice }>(facts: Facts): Facts {
  if (!facts.init.isMissing) return facts;
  throw new DreyError("BAD_REQUEST", {
    message: "Cannot start the instance: its root file system has neither /sbin/init nor /bin/sh",
    hint: "Fill it from an image: drey rebuild <image> <instance>",
  });
}
