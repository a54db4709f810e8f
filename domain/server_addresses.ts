// Where clients find the server.

import { formatAddress, isWildcard } from "../config/addresses.ts";
import { readKey, type Values } from "../config/key.ts";
import { httpsAddress } from "../config/server_keys.ts";
import { hostAddresses } from "./server_certificate.ts";

/** `host:port` of each address that clients can use; none while HTTPS is off. */
export function serverAddresses(config: Values): string[] {
  const address = readKey(config, httpsAddress);
  if (address === undefined) return [];
  if (!isWildcard(address)) return [formatAddress(address)];
  const isIPv4Only = address.host === "0.0.0.0";
  return hostAddresses()
    .filter((host) => !isIPv4Only || !host.includes(":"))
    .map((host) => formatAddress({ host, port: address.port }));
}
