// The default door: the API lives in this very process, so a request is a function call. The house is
// imported dynamically, so that a program that only talks to servers never loads it.

import type { Socket } from "../wire/socket.ts";
import { throwIfError } from "./answers.ts";
import { origin, type Transport } from "./transport.ts";

/** What this door needs of the API. */
export interface InProcessApp extends AsyncDisposable {
  fetch(request: Request, env: InProcessEnv): Promise<Response>;
}

export interface InProcessEnv {
  caller: { uid: number; protocol: "in-process"; username: string };
  /** called by the handler of a stream, at most once */
  accept(request: Request): Promise<Socket>;
}

type SocketPair = () => [Socket, Socket];

/** Opens the API in this process, with the state directory of the caller. */
export async function openInProcess(): Promise<Transport> {
  const { openApp, socketPair } = await import("../api/in_process.ts");
  return inProcess(await openApp(), socketPair);
}

/** The door to an app that is already open; closing the door closes the app. */
export function inProcess(app: InProcessApp, pair: SocketPair): Transport {
  const caller = {
    uid: Deno.uid() ?? 0,
    protocol: "in-process",
    username: Deno.env.get("USER") ?? "",
  } as const;
  const refuse = () => Promise.reject(new Error("This request is not a stream"));
  return {
    kind: "in-process",
    fetch: (request) => app.fetch(request, { caller, accept: refuse }),
    async socket(path, signal) {
      const [ours, theirs] = pair();
      const accepted = Promise.withResolvers<void>();
      const accept = () => {
        accepted.resolve();
        return Promise.resolve(theirs);
      };
      const answered = app.fetch(new Request(origin + path), { caller, accept });
      // a handler may answer at once or when the stream ends: what counts is whether it accepted first
      const refused = answered.then(throwIfError);
      await Promise.race([accepted.promise, refused]);
      refused.catch(() => ours.close());
      signal?.addEventListener("abort", () => ours.close(), { once: true });
      return ours;
    },
    [Symbol.asyncDispose]: () => app[Symbol.asyncDispose](),
  };
}
