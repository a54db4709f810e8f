// The way out to remotes: through the proxies that the server's settings name.

import { proxyHttp, proxyHttps, proxyIgnoreHosts } from "../../config/server_keys.ts";
import { readKey } from "../../config/key.ts";
import { useProxies } from "../../images/proxies.ts";
import type { Context } from "../context.ts";
import { readServerConfig } from "../server_config.ts";

/** Has what is asked of remotes from now on go through the proxies that are set now. */
export async function followProxies(context: Context): Promise<void> {
  const config = await readServerConfig(context);
  useProxies({
    http: readKey(config, proxyHttp) ?? "",
    https: readKey(config, proxyHttps) ?? "",
    ignored: readKey(config, proxyIgnoreHosts) ?? "",
  });
}
