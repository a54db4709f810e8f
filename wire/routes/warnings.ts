// Routes of warnings, and of the metrics that count them too.

import * as warning from "../warning.ts";
import { type Listing, route } from "./route.ts";

export const warnings = {
  "warnings.list": route<Listing<string[], warning.Warning[]>>()(
    "sync",
    "GET /1.0/warnings",
    "All warnings",
    {
      query: ["project", "recursion", "filter"],
      access: "admin",
    },
  ),
  "warning.get": route<warning.Warning>()("sync", "GET /1.0/warnings/{uuid}", "One warning", {
    access: "admin",
  }),
  "warning.update": route<null>()("sync", "PUT /1.0/warnings/{uuid}", "Acknowledge it, or make it new", {
    body: warning.warningPut,
  }),
  "warning.patch": route<null>()("sync", "PATCH /1.0/warnings/{uuid}", "Acknowledge it, or make it new", {
    body: warning.warningPut,
  }),
  "warning.delete": route<null>()("sync", "DELETE /1.0/warnings/{uuid}", "Delete the warning"),
  "metrics": route()("raw", "GET /1.0/metrics", "What instances use and the server does, as OpenMetrics", {
    query: ["project", "target"],
  }),
} as const;
