// Unix sockets as descriptors, and who is at their other end.

import { O_CLOEXEC } from "./descriptors.ts";
import { checked, libc } from "./libc.ts";

/** A new unix socket for a stream of bytes, close-on-exec. */
export function openUnixSocket(): number {
  const [AF_UNIX, SOCK_STREAM] = [1, 1];
  const call = Deno.build.arch === "x86_64" ? 41n : 198n;
  const fd = libc.syscall(call, BigInt(AF_UNIX), BigInt(SOCK_STREAM | O_CLOEXEC), 0n);
  return checked(fd, "socket(2)", "a unix socket");
}

/**
 * From now on a process gets SIGIO whenever something arrives at a descriptor, until every copy of that is closed.
 *
 * @see fcntl(2), F_SETOWN and O_ASYNC; socket(7)
 */
export function signalOnArrival(fd: number, pid: number): void {
  const [F_SETFL, F_SETOWN, O_NONBLOCK, O_ASYNC] = [4, 8, 0o4000, 0o20000];
  checked(libc.fcntl(fd, F_SETOWN, pid), "fcntl(2) F_SETOWN", `descriptor ${fd}`);
  checked(libc.fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC), "fcntl(2) F_SETFL", `descriptor ${fd}`);
}

/** Who is at the other end of a connection over a unix socket, as of when it connected. */
export interface Peer {
  pid: number;
  uid: number;
  gid: number;
}

/** @see unix(7), SO_PEERCRED */
export function peerOf(fd: number): Peer {
  const SO_PEERCRED = 17;
  const credentials = new Uint32Array(3); // struct ucred
  askSocket(fd, { name: SO_PEERCRED, call: "getsockopt(2) SO_PEERCRED" }, credentials);
  const [pid = 0, uid = 0, gid = 0] = credentials;
  return { pid, uid, gid };
}

/** The supplementary groups of who is at the other end. @see unix(7), SO_PEERGROUPS */
export function peerGroupsOf(fd: number): number[] {
  const SO_PEERGROUPS = 59;
  const groups = new Uint32Array(65536); // NGROUPS_MAX
  const size = askSocket(fd, { name: SO_PEERGROUPS, call: "getsockopt(2) SO_PEERGROUPS" }, groups);
  return [...groups.subarray(0, size / 4)];
}

/** An option of a socket itself; answers with its size in bytes. */
function askSocket(
  fd: number,
  { name, call }: { name: number; call: string },
  answer: Uint32Array<ArrayBuffer>,
): number {
  const SOL_SOCKET = 1;
  const size = new Uint32Array([answer.byteLength]);
  const [value, length] = [new Uint8Array(answer.buffer), new Uint8Array(size.buffer)];
  checked(libc.getsockopt(fd, SOL_SOCKET, name, value, length), call, `descriptor ${fd}`);
  return size[0] ?? 0;
}
