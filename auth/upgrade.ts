// Asking a server to leave HTTP for another protocol: the request written and the answer read by hand, since fetch()
// knows websockets only.

import { DreyError } from "../errors.ts";
import type { Socket } from "../wire/socket.ts";
import type { Connection } from "./connection.ts";

/** `bytes` the head of an answer may have */
const longestHead = 65_536;

/** What is asked of a server that is to leave HTTP. */
export interface UpgradeRequest {
  address: string;
  protocol: string;
  host?: string | undefined;
  headers?: Record<string, string>;
  /** gives up waiting for the answer */
  signal?: AbortSignal | undefined;
  /** throws what an answer says that is an error */
  refused?: ((answer: Response) => Promise<void>) | undefined;
}

/**
 * Sends the request and reads the head of its answer, with what followed it.
 *
 * @throws {DreyError} what the server answered if it refused
 * @throws the reason of `signal` if it is aborted first; the connection is closed then
 */
export async function askUpgrade(
  connection: Connection,
  request: UpgradeRequest,
): Promise<{ head: string; rest: Uint8Array }> {
  const { signal } = request;
  signal?.throwIfAborted();
  // what waits for the server ends with its connection
  const abort = () => closeOnce(connection);
  signal?.addEventListener("abort", abort);
  try {
    return await ask(connection, request);
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

async function ask(
  connection: Connection,
  { address, protocol, host = "drey", headers = {}, refused = readRefused }: UpgradeRequest,
): Promise<{ head: string; rest: Uint8Array }> {
  const lines = Object.entries({
    Host: host,
    "User-Agent": "drey",
    Upgrade: protocol,
    Connection: "Upgrade",
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  const request = `GET ${address} HTTP/1.1\r\n${lines.join("")}\r\n`;
  await writeAll(connection, new TextEncoder().encode(request));
  const { head, rest } = await readHead(connection);
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]);
  if (status === 101) return { head, rest };
  const body = await readRefusal(connection, { head, rest });
  await refused(new Response(body, { status: status >= 400 && status < 600 ? status : 502 }));
  throw new DreyError("NETWORK", { message: `The server opened no stream at ${address}` });
}

/** What servers of LXD's kind say of why they refuse. @throws {DreyError} `NETWORK` */
async function readRefused(answer: Response): Promise<void> {
  const said = /"error":\s*"((?:[^"\\]|\\.)*)"/.exec(await answer.text())?.[1];
  throw new DreyError("NETWORK", { message: `The server opened no stream: ${said ?? answer.status}` });
}

/** `bytes` that the reason of a refusal may have */
const longestRefusal = 1 << 20;

/** The body of a refusal: as long as its head says, or until the connection ends. */
async function readRefusal(
  connection: Connection,
  { head, rest }: { head: string; rest: Uint8Array },
): Promise<string> {
  const said = /^content-length:[ \t]*(\d+)[ \t]*$/im.exec(head)?.[1];
  const length = Math.min(Number(said ?? longestRefusal), longestRefusal);
  const decoder = new TextDecoder();
  let [text, size] = [decoder.decode(rest, { stream: true }), rest.length];
  const buffer = new Uint8Array(16_384);
  while (size < length) {
    const count = await connection.read(buffer);
    if (count === null) break;
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
    size += count;
  }
  return text;
}

async function readHead(connection: Connection): Promise<{ head: string; rest: Uint8Array }> {
  let held = new Uint8Array();
  const buffer = new Uint8Array(16_384);
  while (held.length < longestHead) {
    const count = await connection.read(buffer);
    if (count === null) break;
    held = Uint8Array.of(...held, ...buffer.subarray(0, count));
    const text = new TextDecoder("latin1").decode(held);
    const end = text.indexOf("\r\n\r\n");
    if (end >= 0) return { head: text.slice(0, end), rest: held.slice(end + 4) };
  }
  throw new DreyError("NETWORK", { message: "The server closed the connection before it answered" });
}

/** Writes all of it. */
export async function writeAll(connection: Connection, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
}

/** Closes a connection that may be closed already. */
export function closeOnce(connection: Connection): void {
  try {
    connection.close();
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/** Closes a stream when the signal says so, for as long as it is open. */
export function closeAtAbort(
  { close, closed }: Pick<Socket, "close" | "closed">,
  signal?: AbortSignal,
): void {
  if (signal === undefined) return;
  const abort = () => close();
  signal.addEventListener("abort", abort);
  void closed.then(() => signal.removeEventListener("abort", abort));
}

const gone = [
  Deno.errors.BadResource,
  Deno.errors.Interrupted,
  Deno.errors.ConnectionReset,
  Deno.errors.BrokenPipe,
];
/** the same in the words of node */
const goneCodes = ["ECONNRESET", "EPIPE", "ERR_STREAM_DESTROYED", "ERR_STREAM_PREMATURE_CLOSE"];

/** Whether an error of a connection only says that it has ended, whoever ended it. */
export function isGone(error: unknown): boolean {
  if (gone.some((kind) => error instanceof kind)) return true;
  return error instanceof Error && "code" in error && goneCodes.includes(String(error.code));
}
