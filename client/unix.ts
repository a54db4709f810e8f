// The door to a `drey serve` (or an LXD) on this machine: HTTP and websockets over a unix socket.

import { DreyError } from "../errors.ts";
import type { Transport } from "./transport.ts";

/** Whether somebody listens at this socket; a file left behind by a dead server does not count. */
export async function answers(path: string): Promise<boolean> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.ConnectionRefused) return false;
    throw new DreyError("FORBIDDEN", {
      message: `Cannot connect to the socket "${path}": ${error instanceof Error ? error.message : error}`,
      cause: error,
    });
  }
}

/** The door to the server that listens at `path`. */
export function overUnixSocket(path: string): Transport {
  const client = Deno.createHttpClient({ proxy: { transport: "unix", path } });
  return {
    kind: "unix",
    async fetch(request) {
      try {
        return await fetch(request, { client });
      } catch (error) {
        if (request.signal.aborted) throw error;
        throw unreachable(path, error);
      }
    },
    async socket(address, signal) {
      const { openWebSocket } = await import("../auth/websocket.ts");
      const { throwIfError } = await import("./answers.ts");
      return await openWebSocket(await Deno.connect({ transport: "unix", path }), {
        address,
        signal,
        refused: throwIfError,
      });
    },
    async upgrade(call) {
      const { openUpgrade } = await import("./upgrade.ts");
      return await openUpgrade(await Deno.connect({ transport: "unix", path }), call);
    },
    [Symbol.asyncDispose]() {
      client.close();
      return Promise.resolve();
    },
  };
}

/** fetch() names its reason in the cause of its error alone, and there at length. */
function unreachable(path: string, error: unknown): DreyError {
  const { cause = error } = error instanceof Error ? error : {};
  const said = (cause instanceof Error ? cause.message : String(cause)).replace(/^.*\(Connect\): /, "");
  const isSilent = /os error (2|111)\b/.test(said);
  return new DreyError("NETWORK", {
    message: `Cannot reach the server at "${path}": ${isSilent ? "nobody listens there" : said}`,
    ...(isSilent && { hint: "Its server is to be started, for a drey by: drey serve" }),
    cause: error,
  });
}
