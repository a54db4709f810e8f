// Addresses a server listens on, as LXD writes them: `[::]:8443`, `10.0.0.1`, `:8443`, `name:443`.

import type { ValueType } from "./types.ts";

export interface ListenAddress {
  /** empty for every address of the host */
  host: string;
  port: number;
}

export const defaultPort = 8443;

/** The parts of an address; undefined for what is none. */
export function parseListenAddress(text: string, port = defaultPort): ListenAddress | undefined {
  const match = /^(?:\[([0-9a-fA-F:.%]+)\]|([^\s:[\]/]*))(?::(\d{1,5}))?$/.exec(text);
  if (match === null) {
    return /^[0-9a-fA-F:.]+$/.test(text) && text.includes("::") ? { host: text, port } : undefined;
  }
  const [, ipv6, name = "", digits] = match;
  const found = digits === undefined ? port : Number(digits);
  if (found < 1 || found > 65535 || (ipv6 === undefined && name === "" && digits === undefined)) {
    return undefined;
  }
  return { host: ipv6 ?? name, port: found };
}

/** The address as it stands in a URL. */
export function formatAddress({ host, port }: ListenAddress): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** Whether an address stands for all of the host's. */
export function isWildcard({ host }: ListenAddress): boolean {
  return ["", "::", "0.0.0.0"].includes(host);
}

/** Addresses to listen on that may leave out a usual port. */
export function listenAddressWith(port: number): ValueType<ListenAddress> {
  const wanted = `an address to listen on, such as [::]:${port} or 10.0.0.1:${port}`;
  return {
    name: "string",
    wanted,
    parse(text) {
      const value = parseListenAddress(text, port);
      return value === undefined ? { problem: `expected ${wanted}` } : { value };
    },
  };
}

export const listenAddress: ValueType<ListenAddress> = listenAddressWith(defaultPort);
