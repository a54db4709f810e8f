// Where a server listens beside its socket, as the settings say: HTTPS for the API, HTTPS for metrics alone, DNS.

import type { Values } from "../config/key.ts";
import type { Context } from "../domain/context.ts";
import { readServerConfig } from "../domain/server_config.ts";
import { describeError } from "../errors.ts";
import { openDnsServer } from "./dns_server.ts";
import { openHttpsServer } from "./https_server.ts";
import type { Answering } from "./listener.ts";
import { openMetricsServer } from "./metrics_server.ts";
import type { Log } from "./serve_log.ts";

export interface Listeners extends AsyncDisposable {
  /** listens as these settings say; throws, and listens as those in force say, if that cannot be */
  follow(config: Values): Promise<void>;
  /** the same with certificates that are read anew */
  reload(config: Values): Promise<void>;
  /** ends the connections of a client whose trust has changed */
  drop(fingerprint: string): void;
  /** whether it listens anywhere */
  readonly areOpen: boolean;
}

/** Listeners that listen nowhere yet. */
export function openListeners(context: Context, app: Answering, log: Log): Listeners {
  const https = openHttpsServer(context, app);
  const metrics = openMetricsServer(context, app);
  const dns = openDnsServer(context);
  const all = { https, metrics, dns };
  const titles = { https: "HTTPS", metrics: "The listener for metrics", dns: "DNS" };
  const follow = async (config: Values) => {
    for (const [name, listener] of Object.entries(all)) {
      const before = listener.address;
      await listener.follow(config);
      const { address } = listener;
      if (address === before) continue;
      log("info", address === undefined ? `${titles[name as keyof typeof all]} is off` : "Listening", {
        [name]: address,
      });
    }
  };
  return {
    async follow(config) {
      try {
        await follow(config);
      } catch (error) {
        await follow(await readServerConfig(context)).catch((later) =>
          log("error", "Cannot listen as before", { error: describeError(later) })
        );
        throw error;
      }
    },
    async reload(config) {
      await https.reload();
      await metrics.reload();
      await follow(config);
      log("info", "Reloaded", { https: https.address });
    },
    drop(fingerprint) {
      https.drop(fingerprint);
      metrics.drop(fingerprint);
    },
    get areOpen() {
      return Object.values(all).some(({ address }) => address !== undefined);
    },
    async [Symbol.asyncDispose]() {
      await https[Symbol.asyncDispose]();
      await metrics[Symbol.asyncDispose]();
      dns[Symbol.dispose]();
    },
  };
}
