// Metrics where `core.metrics_address` says, for programs that are to reach nothing else, and for strangers too where
// `core.metrics_authentication` is off.

import { metricsAddress, metricsAuthentication } from "../config/server_keys.ts";
import type { Context } from "../domain/context.ts";
import { serverSetting } from "../domain/server_config.ts";
import { refusal, responseOf } from "./envelope.ts";
import { type HttpsServer, openHttpsServer } from "./https_server.ts";
import type { Answering } from "./listener.ts";

/** A server of metrics that listens nowhere yet. */
export function openMetricsServer(context: Context, app: Answering): HttpsServer {
  return openHttpsServer(context, onlyMetrics(context, app), metricsAddress);
}

function onlyMetrics(context: Context, app: Answering): Answering {
  return {
    ...app,
    async fetch(request, env) {
      if (new URL(request.url).pathname !== "/1.0/metrics") return responseOf(refusal(404, "not found"));
      const mustBeKnown = await serverSetting(context, metricsAuthentication) ?? true;
      // as if with a certificate for metrics; one that is known for more stays what it is
      const caller = mustBeKnown ? env.caller : { ...env.caller, trust: { type: "metrics" as const } };
      return await app.fetch(request, { ...env, caller });
    },
  };
}
