// User namespaces that stay open to run things in. A process that has execed before its map was written has
// lost its capabilities, so somebody holds the namespace, it is mapped from outside, and others enter it.

import { DreyError } from "../errors.ts";
import { commandFailed, run, spawn } from "../sys/run.ts";
import { type IdMap, mapText, newidmapArgs } from "./map.ts";

/** A user namespace in which programs run as root of its map; gone when disposed, or when drey is. */
export interface MappedRoot extends AsyncDisposable {
  /** host pid of the process that holds the namespace */
  readonly pid: number;
  /** argv that runs as the namespace's root, in the directory it is started in */
  command(argv: readonly string[]): string[];
}

/**
 * Writes the map of a fresh user namespace: directly where the kernel allows it (root, or one's own id alone), else
 * by newuidmap(1) and newgidmap(1), which check /etc/subuid and /etc/subgid.
 */
export async function writeMap(pid: number, map: IdMap): Promise<void> {
  if (Deno.uid() === 0) {
    await Deno.writeTextFile(`/proc/${pid}/uid_map`, mapText(map.uids));
    await Deno.writeTextFile(`/proc/${pid}/gid_map`, mapText(map.gids));
    return;
  }
  if (isSingle(map)) {
    // a group map without privilege wants setgroups(2) given up first, user_namespaces(7)
    await Deno.writeTextFile(`/proc/${pid}/setgroups`, "deny");
    await Deno.writeTextFile(`/proc/${pid}/uid_map`, mapText(map.uids));
    await Deno.writeTextFile(`/proc/${pid}/gid_map`, mapText(map.gids));
    return;
  }
  const write = async (tool: string, ranges: IdMap["uids"]) => {
    const result = await run([tool, String(pid), ...newidmapArgs(ranges)]);
    if (result.code !== 0) throw commandFailed(tool, result);
  };
  await Promise.all([write("newuidmap", map.uids), write("newgidmap", map.gids)]);
}

/** Whether a map holds nothing but one id, so that no change of user or group is possible inside. */
export function isSingle(map: IdMap): boolean {
  return [map.uids, map.gids].every((ranges) => ranges.length === 1 && ranges[0]?.count === 1);
}

/** argv that enters the user namespace of `pid` as its root. */
export function enterAsRoot(pid: number, map: IdMap, argv: readonly string[]): string[] {
  // nsenter -S would call setgroups(2), which a single map forbids; there the caller is root inside already
  const identity = isSingle(map) ? ["--preserve-credentials"] : ["-S", "0", "-G", "0"];
  return ["nsenter", "-t", String(pid), "-U", ...identity, "--", ...argv];
}

/**
 * Opens a user namespace with this map for as long as the caller needs it: files made in it belong to the ids of
 * the map. It ends with the process that opened it, however that ends.
 */
export async function openMappedRoot(map: IdMap): Promise<MappedRoot> {
  // cat ends when its standard input does, which is when drey is gone
  const child = spawn(["unshare", "-U", "sh", "-c", "echo; exec cat"], {
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  });
  const close = async () => {
    await child.stdin.close().catch(ignoreClosed);
    await child.stdout.cancel();
    await child.status;
  };
  try {
    await waitForLine(child);
    await writeMap(child.pid, map);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    pid: child.pid,
    command: (argv) => enterAsRoot(child.pid, map, argv),
    [Symbol.asyncDispose]: close,
  };
}

/** Waits for the first byte of a holder: its namespace exists. */
async function waitForLine(child: Deno.ChildProcess): Promise<void> {
  const reader = child.stdout.getReader();
  const { done } = await reader.read();
  reader.releaseLock();
  if (done) throw noNamespaces();
}

/** The error of a host that lets its users make no user namespaces. */
export function noNamespaces(): DreyError {
  return new DreyError("KERNEL_REFUSED", {
    message: "Cannot create a user namespace: the kernel refused unshare(2)",
    hint: "Run drey doctor to see which setting of this host forbids it",
  });
}

function ignoreClosed(error: unknown): void {
  // the holder may be gone already
  if (!(error instanceof TypeError) && !(error instanceof Deno.errors.BrokenPipe)) throw error;
}
