// Who may come through the unix socket: the user drey works for, root, and a group if the server was told one.

import { type Peer, peerGroupsOf, peerOf } from "../sys/unix_sockets.ts";
import { readIfThere } from "../sys/present.ts";
import { ownGroups } from "../sys/processes.ts";

export interface Admission {
  /** the user drey works for */
  uid: number;
  /** a group whose members may do what the user may */
  gid?: number;
}

/** Whoever is at the other end of a connected unix socket, if they may come in. */
export function admit(fd: number, admission: Admission): (Peer & { name: string }) | undefined {
  const peer = peerOf(fd);
  const groups = admission.gid === undefined ? [] : peerGroupsOf(fd);
  return isAdmitted(peer, groups, admission) ? { ...peer, name: nameOf(peer.uid) } : undefined;
}

/** The rule of {@link admit}. */
export function isAdmitted({ uid, gid }: Peer, groups: readonly number[], admission: Admission): boolean {
  if (uid === admission.uid || uid === 0) return true;
  return admission.gid !== undefined && (gid === admission.gid || groups.includes(admission.gid));
}

/** The number of a group of /etc/group, or of a number itself; undefined if there is none of that name. */
export function groupId(name: string): number | undefined {
  if (/^\d+$/.test(name)) return Number(name);
  const line = linesOf("/etc/group").find(([group]) => group === name);
  return line?.[2] === undefined ? undefined : Number(line[2]);
}

/** Whether this process may give a file to a group; chown(2). */
export const mayGiveTo = (gid: number): boolean => Deno.uid() === 0 || ownGroups().includes(gid);

const names = new Map<number, string>();

function nameOf(uid: number): string {
  const known = names.get(uid);
  if (known !== undefined) return known;
  const name = linesOf("/etc/passwd").find((fields) => fields[2] === `${uid}`)?.[0] ?? `${uid}`;
  names.set(uid, name);
  return name;
}

const linesOf = (path: string) => (readIfThere(path) ?? "").split("\n").map((line) => line.split(":"));
