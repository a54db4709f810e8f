// Things on their way from one server to another: who of the two connects to the other, or the client between them.

import { DreyError } from "../errors.ts";
import type { Operation } from "../wire/operation.ts";
import type { Socket } from "../wire/socket.ts";
import type { Client } from "./client.ts";
import type { RunningOperation } from "./operations.ts";

/** Who connects: the target to the source, the source to the target, or the client to both. */
export type MigrationMode = "pull" | "push" | "relay";

/** Where one server waits for the other. */
export interface MeetingPlace {
  /** address of its operation */
  operation: string;
  /** PEM */
  certificate: string;
  /** of the operation's streams */
  secrets: Record<string, string>;
}

/** One end of a migration. */
export interface MigrationEnd {
  client: Client;
  /** `https://host:port` under which the other server may reach it, the likeliest first */
  addresses: readonly string[];
  /** PEM */
  certificate: string;
}

/** What a migration starts at both ends. */
export interface Migration {
  source: MigrationEnd & {
    /** starts to send; without a target, its operation waits for whoever comes */
    send(target?: MeetingPlace): Promise<RunningOperation>;
  };
  target: MigrationEnd & {
    /** starts to receive; without a source, its operation waits for whoever comes */
    receive(source: { mode: "pull" | "push" } & Partial<MeetingPlace>): Promise<RunningOperation>;
  };
  /** left out: what is possible, in the order of the modes */
  mode?: MigrationMode;
  /** waits for the operation that tells how far it is */
  wait(running: RunningOperation): Promise<Operation>;
}

/**
 * An end of a migration as its server describes itself.
 *
 * @param address where the client itself reaches it, if that is by HTTPS
 */
export async function migrationEnd(client: Client, address?: string): Promise<MigrationEnd> {
  const server = await client.call("server.get");
  // what runs in this process listens nowhere, whatever its settings say
  const listening = client.transport.kind === "in-process" || !("environment" in server)
    ? []
    : server.environment.addresses.map((address) => `https://${address}`);
  const typed = address?.startsWith("https://") ? [address] : [];
  return {
    client,
    addresses: [...new Set([...typed, ...listening])],
    certificate: "environment" in server ? server.environment.certificate : "",
  };
}

/**
 * Carries something from one server to another.
 *
 * @returns the operation of the target
 * @throws {DreyError} what went wrong at either end; `NOT_SUPPORTED` for a mode that cannot be
 */
export async function migrate(migration: Migration): Promise<Operation> {
  const { source, target, mode = possibleMode(migration) } = migration;
  if (mode === "relay") return await relay(migration);
  const [waiting, comer] = mode === "pull" ? [source, "target"] : [target, "source"];
  if (waiting.addresses.length === 0) {
    throw new DreyError("NOT_SUPPORTED", {
      message:
        `The ${mode === "pull" ? "source" : "target"} server does not listen on the network, where the ` +
        `${comer} server could reach it`,
      hint: "Let it be carried by this side: --mode relay; or set core.https_address there",
    });
  }
  return mode === "pull" ? await pull(migration) : await push(migration);
}

function possibleMode({ source, target }: Migration): MigrationMode {
  if (source.addresses.length > 0) return "pull";
  return target.addresses.length > 0 ? "push" : "relay";
}

async function pull({ source, target, wait }: Migration): Promise<Operation> {
  const sending = await source.send();
  const running = await startAt(source, sending, (place) => target.receive({ mode: "pull", ...place }), wait);
  await sending.wait();
  return running;
}

async function push({ source, target, wait }: Migration): Promise<Operation> {
  const receiving = await target.receive({ mode: "push" });
  await startAt(target, receiving, (place) => source.send(place), wait);
  return await receiving.wait();
}

/** Has the other server come to an operation that waits, by the first address it can reach. */
async function startAt(
  { addresses, certificate }: MigrationEnd,
  waiting: RunningOperation,
  start: (place: MeetingPlace) => Promise<RunningOperation>,
  wait: Migration["wait"],
): Promise<Operation> {
  let failure: unknown;
  for (const address of addresses) {
    const operation = `${address}/1.0/operations/${encodeURIComponent(waiting.operation.id)}`;
    try {
      return await wait(await start({ operation, certificate, secrets: secretsOf(waiting) }));
    } catch (error) {
      failure = error;
      if (!isUnreachable(error)) break;
    }
  }
  // nobody comes to it any more
  await waiting.cancel().catch(() => {});
  throw failure;
}

/** drey says so in its words, LXD in those of Go's. */
const isUnreachable = (error: unknown): boolean =>
  error instanceof DreyError && /Cannot reach the server|dial tcp|[Uu]nable to connect/.test(error.message);

const names = ["control", "fs"] as const;

function secretsOf({ operation: { metadata } }: RunningOperation): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, String(metadata?.[name] ?? "")]));
}

async function relay({ source, target, wait }: Migration): Promise<Operation> {
  await using undo = new AsyncDisposableStack();
  // nobody comes to an end any more that waits for the other
  const cancelling = (running: RunningOperation) =>
    undo.adopt(running, () => running.cancel().catch(() => {}));
  const sending = cancelling(await source.send());
  const receiving = cancelling(await target.receive({ mode: "push" }));
  const open = async ({ client }: MigrationEnd, running: RunningOperation, name: (typeof names)[number]) => {
    const secret = new URLSearchParams({ secret: secretsOf(running)[name] ?? "" });
    const socket = await client.socket(`/1.0/operations/${running.operation.id}/websocket?${secret}`);
    return undo.adopt(socket, () => socket.close());
  };
  for (const name of names) {
    join(await open(source, sending, name), await open(target, receiving, name));
  }
  undo.move();
  const ended = await wait(receiving);
  await sending.wait();
  return ended;
}

/** Passes on what each of two streams brings, until one of them ends. */
function join(one: Socket, other: Socket): void {
  const pass = async (from: Socket, to: Socket) => {
    try {
      for await (const message of from.messages) await to.send(message);
    } catch {
      // whoever is gone, the operations tell why
    } finally {
      to.close();
    }
  };
  void pass(one, other);
  void pass(other, one);
}
