// The API of /dev/lxd/sock: its routes and what answers them, for one instance.

import type { Context, Ref } from "../domain/context.ts";
import * as guests from "../domain/instances/guest.ts";
import { DreyError } from "../errors.ts";
import {
  type GuestEvent,
  type GuestEventType,
  type GuestPut,
  type GuestRouteName,
  guestRoutes,
  type UbuntuPro,
} from "../wire/devlxd.ts";
import { matchPath } from "../wire/paths.ts";
import type { App } from "./app.ts";
import { readBody } from "./body.ts";
import type { Env } from "./call.ts";
import { failure, responseOf } from "./envelope.ts";
import { logFault } from "./faults.ts";
import { drain } from "./sockets.ts";

interface GuestCall {
  context: Context;
  /** the instance that asks */
  ref: Ref;
  request: Request;
  env: Env;
  params: Record<string, string>;
}

type GuestHandler = (call: GuestCall) => Promise<Response> | Response;

const handlers: Record<GuestRouteName, GuestHandler> = {
  "versions": () => json(["/1.0"]),
  "state.get": async ({ context, ref }) => json(await guests.getGuest(context, ref)),
  "state.patch": async ({ context, ref, request }) => {
    const { state } = await readBody(request, guestRoutes["state.patch"].body) as GuestPut;
    await guests.setGuestState(context, ref, state);
    return text("");
  },
  "config.list": async ({ context, ref }) => {
    const config = await guests.guestConfig(context, ref);
    return json(Object.keys(config).sort().map((key) => `/1.0/config/${key}`));
  },
  "config.get": async ({ context, ref, params: { key = "" } }) => {
    if (!/^(user|cloud-init)\./.test(key)) {
      throw new DreyError("FORBIDDEN", { message: `The key "${key}" is not for the instance` });
    }
    const value = (await guests.guestConfig(context, ref))[key];
    if (value === undefined) throw new DreyError("NOT_FOUND", { message: `The key "${key}" is not set` });
    return text(value);
  },
  "devices": async ({ context, ref }) => json(await guests.guestDevices(context, ref)),
  "metadata": async ({ context, ref }) => text(await guests.guestMetadata(context, ref)),
  "events": (call) => events(call),
  "image.export": async ({ context, ref, params: { fingerprint = "" } }) => {
    try {
      await guests.mustServeImage(context, ref, fingerprint);
      const { sendImage } = await import("./handlers/images.ts");
      return await sendImage(context, ref.project, fingerprint);
    } catch (error) {
      // this one answers as the main API does
      return responseOf(failure(error));
    }
  },
  "ubuntu.pro": () => json({ guest_attach: "off" } satisfies UbuntuPro),
  "ubuntu.token": () => {
    throw new DreyError("FORBIDDEN", { message: "The instance gets no token" });
  },
};

/** The API for the instance `ref`; whoever is let in is its root. */
export function createGuestApp(context: Context, ref: Ref): Pick<App, "fetch" | "report"> {
  return {
    report: (fault) => logFault(context, fault),
    async fetch(request, env) {
      try {
        return await answer({ context, ref, request, env });
      } catch (error) {
        if (!(error instanceof DreyError)) await logFault(context, error);
        const { status, body } = failure(error);
        // what drey itself has done wrong is not the instance's business
        const said = error instanceof DreyError ? body as { error: string } : { error: "internal error" };
        return text(`${said.error}\n`, { status, type: "text/plain; charset=utf-8" });
      }
    },
  };
}

async function answer(call: Omit<GuestCall, "params">): Promise<Response> {
  const { pathname } = new URL(call.request.url);
  const fitting = Object.entries(guestRoutes).flatMap(([name, route]) => {
    const params = matchPath(route.path, pathname);
    return params === undefined ? [] : [{ name: name as GuestRouteName, method: route.method, params }];
  });
  if (fitting.length === 0) throw new DreyError("NOT_FOUND", { message: "Not found" });
  const found = fitting.find(({ method }) => method === call.request.method);
  if (found === undefined) {
    throw new DreyError("NOT_SUPPORTED", { message: `${pathname} has no method ${call.request.method}` });
  }
  return await handlers[found.name]({ ...call, params: decoded(found.params) });
}

function decoded(params: Record<string, string>): Record<string, string> {
  try {
    return Object.fromEntries(Object.entries(params).map(([name, word]) => [name, decodeURIComponent(word)]));
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    throw new DreyError("BAD_REQUEST", { message: "The path is not UTF-8", cause: error });
  }
}

function json(value: unknown): Response {
  return text(`${JSON.stringify(value)}\n`, { type: "application/json" });
}

function text(value: string, { status = 200, type = "application/octet-stream" } = {}): Response {
  const bytes = new TextEncoder().encode(value);
  const headers = { "content-type": type, "content-length": String(bytes.length) };
  return new Response(bytes, { status, headers });
}

const eventTypes: readonly GuestEventType[] = ["config", "device"];

/** A websocket for those who ask for one, else a line of JSON for each event. */
async function events({ context, ref, request, env }: GuestCall): Promise<Response> {
  const wanted = new URL(request.url).searchParams.get("type") || eventTypes.join(",");
  const types = wanted.split(",").map((word) => {
    const type = eventTypes.find((known) => known === word);
    if (type !== undefined) return type;
    throw new DreyError("BAD_REQUEST", { message: `"${word}" is not a supported event type` });
  });
  const stop = new AbortController();
  request.signal.addEventListener("abort", () => stop.abort(), { once: true });
  const happened = await guests.listenGuest(context, ref, { types, signal: stop.signal });
  if (request.headers.get("upgrade") === null) return lines(happened);
  const socket = await env.accept("websocket").catch((error) => {
    stop.abort(); // nobody listens
    throw error;
  });
  void socket.closed.then(() => stop.abort());
  const send = async () => {
    for await (const event of happened) await socket.send(JSON.stringify(event));
  };
  void send().catch(() => {}).then(() => socket.close()); // closed by the listener: nobody is left to tell
  void drain(socket.messages);
  return new Response(null, { status: 204 });
}

function lines(happened: AsyncIterable<GuestEvent>): Response {
  const encode = (line: string) => new TextEncoder().encode(`${line}\n`);
  const iterator = happened[Symbol.asyncIterator]();
  let isTold = false;
  const body = new ReadableStream<Uint8Array>({
    async pull(control) {
      // an empty line first: whoever reads it is heard from then on
      if (!isTold) control.enqueue(encode(""));
      else {
        const { done, value } = await iterator.next();
        if (done) control.close();
        else control.enqueue(encode(JSON.stringify(value)));
      }
      isTold = true;
    },
  }, { highWaterMark: 0 });
  return new Response(body, { headers: { "content-type": "application/json" } });
}
