// What the server at the other end can do: our own does all that the commands ask, others say so by extensions.

import type { Client } from "../client/client.ts";

/** Whether the server has an extension of the API; only servers on other machines are asked. */
export async function knows(client: Client, extension: string): Promise<boolean> {
  if (client.transport.kind !== "https") return true;
  return (await client.call("server.get")).api_extensions.includes(extension);
}
