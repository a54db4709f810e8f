// A proxy for http on loopback that takes every host for one server of a test, whatever it is called.

export interface WebProxy extends AsyncDisposable {
  address: string;
  /** addresses it was asked for */
  asked: string[];
}

/** @param target `http://127.0.0.1:PORT` */
export function startWebProxy(target: string): WebProxy {
  const asked: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    asked.push(request.url);
    const { pathname, search } = new URL(request.url);
    const { method, headers, signal } = request;
    const answer = await fetch(target + pathname + search, { method, headers, signal, redirect: "manual" });
    return new Response(answer.body, answer);
  });
  return {
    address: `http://127.0.0.1:${server.addr.port}`,
    asked,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
