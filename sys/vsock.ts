// Numbers by which virtual machines are reached, vsock(7): one space for the whole host, whoever runs them.

import { closeFd, O_RDWR, openFd } from "./descriptors.ts";
import { libc, SysError } from "./libc.ts";

const VHOST_VSOCK_SET_GUEST_CID = 0x4008af60n;

/**
 * Whether a machine of this user could have a number now: the host's kernel can do it, and nobody else has that number.
 *
 * @returns undefined where no machine of this user can have any
 */
export function isFreeForGuest(cid: number): boolean | undefined {
  let fd: number;
  try {
    fd = openFd("/dev/vhost-vsock", O_RDWR);
  } catch (error) {
    if (error instanceof SysError) return undefined; // no node, no module behind it, or not for this user
    throw error;
  }
  try {
    const number = new BigUint64Array([BigInt(cid)]);
    return libc.ioctl(fd, VHOST_VSOCK_SET_GUEST_CID, new Uint8Array(number.buffer)) === 0;
  } finally {
    closeFd(fd);
  }
}
