// Warnings and metrics.

import * as warnings from "../../domain/warnings.ts";
import type { Handlers } from "../call.ts";
import { addressOf, listed } from "../lists.ts";

type Names =
  | "warnings.list"
  | "warning.get"
  | "warning.update"
  | "warning.patch"
  | "warning.delete"
  | "metrics";

export const handlers: Handlers<Names> = {
  "warnings.list": async ({ context, project, recursion, query }) => {
    const { lookAtHost } = await import("../../domain/host_warnings.ts");
    await lookAtHost(context);
    const wanted = query("project") ? project : undefined;
    return listed(await warnings.listWarnings(context, wanted), {
      recursion,
      filter: query("filter"),
      address: ({ uuid }) => addressOf("warnings", uuid, "default"),
    });
  },
  "warning.get": ({ context, params }) => warnings.getWarning(context, params.uuid),
  "warning.update": ({ context, params, body }) => warnings.changeWarning(context, params.uuid, body),
  "warning.patch": ({ context, params, body }) => warnings.changeWarning(context, params.uuid, body),
  "warning.delete": ({ context, params }) => warnings.deleteWarning(context, params.uuid),
  "metrics": async ({ context, project, query }) => {
    const { readMetrics } = await import("../../domain/metrics.ts");
    const text = await readMetrics(context, query("project") ? project : undefined);
    return new Response(text, { headers: { "content-type": "text/plain" } });
  },
};
