// Device nodes and files of the host for the programs of a virtual machine's box, who are nobody the host knows: they
// open what everybody may, or a group of the user's. Root makes nodes of the box's own.

import { DreyError } from "../../errors.ts";
import { type IdMap, toHost } from "../../idmap/map.ts";
import type { BoxFile } from "../../runtime/container_plan.ts";
import { ownGroups } from "../../sys/processes.ts";
import type { DeviceSite } from "./device.ts";
import { absentNode, lookAt } from "./host_node.ts";

/**
 * A device's node as the box shows it.
 *
 * @throws {DreyError} `BAD_REQUEST` if it is not there or of the other kind, `FORBIDDEN` if nobody in the box may open it
 */
export function boxNode(
  { context, name: device }: DeviceSite,
  { source, kind }: { source: string; kind: "char" | "block" },
  map: IdMap,
): Required<Pick<BoxFile, "source" | "id" | "node">> {
  const facts = lookAt(source);
  if (facts === undefined) throw absentNode(device, source);
  if (facts.kind !== kind) {
    throw new DreyError("BAD_REQUEST", {
      message: `Device "${device}": "${source}" is a ${facts.kind === "char" ? "character" : "block"} device`,
    });
  }
  // a pseudo terminal is one only where devpts has it
  if (context.user.uid !== 0 || isOpenTo(source, { needs: 0o6 })) {
    mustBeOpen(device, source, { needs: 0o6 });
    return { source: facts.source, id: facts.id, node: "shown" };
  }
  const [uid, gid] = [toHost(map.uids, 0) ?? 0, toHost(map.gids, 0) ?? 0];
  const { source: found, id, numbers } = facts;
  return { source: found, id, node: { kind, numbers, uid, gid, mode: 0o600 } };
}

/** Whether the box's programs may do to a file what `needs` says, as the last digit of a mode. */
function isOpenTo(path: string, { needs }: { needs: number }): boolean {
  const { mode, gid } = Deno.statSync(path);
  if (((mode ?? 0) & needs) === needs) return true;
  // root gives its boxes no groups for this
  return Deno.uid() !== 0 && ((mode ?? 0) >> 3 & needs) === needs && ownGroups().includes(gid ?? -1);
}

/** @throws {DreyError} `FORBIDDEN` */
export function mustBeOpen(device: string, path: string, { needs }: { needs: number }): void {
  if (isOpenTo(path, { needs })) return;
  const rights = needs === 0o4 ? "r" : "rw";
  throw new DreyError("FORBIDDEN", {
    message:
      `Device "${device}": the programs of a virtual machine are nobody the host knows, and may not open "${path}"`,
    hint: `Let everybody open it: chmod o+${rights} ${path}${
      needs === 0o4 ? "" : "; its directory can keep others out"
    }`,
  });
}
