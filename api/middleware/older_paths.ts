// The paths instances had before they were called so: /1.0/containers and /1.0/virtual-machines.

const older: Record<string, string> = { containers: "container", "virtual-machines": "virtual-machine" };

/** Answers a request for an older path as one for the new path; undefined for every other request. */
export function answerOlderPath(
  request: Request,
  answer: (request: Request) => Promise<Response>,
): Promise<Response> | undefined {
  const match = /^([a-z+]+:\/\/[^/]*)\/1\.0\/(containers|virtual-machines)(?=[/?]|$)/.exec(request.url);
  if (match === null) return undefined;
  const [whole, origin = "", collection = ""] = match;
  const url = new URL(`${origin}/1.0/instances${request.url.slice(whole.length)}`);
  if (url.pathname === "/1.0/instances" && request.method === "GET") {
    url.searchParams.set("instance-type", older[collection] ?? "");
  }
  return answer(new Request(url, request)).then((response) => renamed(response, collection));
}

/** Addresses in the answer get the name the client knows. */
async function renamed(response: Response, collection: string): Promise<Response> {
  if (response.headers.get("content-type") !== "application/json") return response;
  const text = (await response.text()).replaceAll('"/1.0/instances/', `"/1.0/${collection}/`);
  return new Response(text, response);
}
