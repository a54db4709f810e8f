// Whether the host at the other end of a TCP connection has stopped answering, as the kernel knows: a program there that
// merely reads slowly, or that is stopped, has a kernel that acknowledges what arrives.

import { DreyError } from "../errors.ts";

/** A connection by its ports; two of one pair of ports are taken for one. */
export interface TcpPorts {
  local: number;
  remote: number;
}

/** repetitions without an answer after which a host counts as gone; they come at doubling intervals of 200 ms and more */
const longest = 3;

/**
 * Whether what was sent last is unanswered by the other side's kernel, however often it was repeated. A connection that
 * is no longer there is silent as well.
 *
 * @see proc(5), /proc/net/tcp; Documentation/networking/proc_net_tcp.rst
 */
export async function isSilent(ports: TcpPorts, directory = "/proc/net"): Promise<boolean> {
  const tables = await Promise.all(["tcp", "tcp6"].map((name) => tableOf(`${directory}/${name}`)));
  const rows = tables.flatMap((table) => table.split("\n").slice(1)).map((line) => line.trim().split(/\s+/));
  return rows
    .filter(([, local, remote]) => portOf(local) === ports.local && portOf(remote) === ports.remote)
    .every(([, , , , , timer = "", retransmits = "", , probes = ""]) => {
      const [kind] = timer.split(":");
      // what was sent is repeated; or the other side took no more at last, and is asked whether it does now
      if (kind === "01") return Number.parseInt(retransmits, 16) >= longest;
      return kind === "04" && Number(probes) >= longest;
    });
}

/** In hexadecimal, behind the address. */
const portOf = (address = "") => Number.parseInt(address.slice(address.lastIndexOf(":") + 1), 16);

async function tableOf(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return ""; // a kernel without IPv6
    throw new DreyError("SERVER_FAILED", { message: `Cannot read "${path}"`, cause: error });
  }
}
