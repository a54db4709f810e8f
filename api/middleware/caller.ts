// Who is calling: what a certificate that came with a request is worth here.

import type { Context, Requestor } from "../../domain/context.ts";
import type { Caller } from "../call.ts";

/** The caller with what the trust store says of their certificate; looked up for each request, since trust may end. */
export async function recognized(context: Context, caller: Caller): Promise<Caller> {
  const shown = caller.certificate;
  if (shown === undefined) return caller;
  // not for callers on this machine: certificates load all of node:crypto, 20 ms
  const { findTrusted } = await import("../../domain/certificates.ts");
  const trusted = await findTrusted(context, shown.fingerprint);
  if (trusted === undefined) return caller;
  const { type, restricted, projects } = trusted;
  return { ...caller, username: shown.fingerprint, trust: { type, ...(restricted && { projects }) } };
}

/** As lifecycle events name them. Callers on this machine have no address; LXD shows what Go makes of that. */
export function requestorOf({ username, protocol, address }: Caller): Requestor {
  return { username, protocol, address: address ?? "@" };
}
