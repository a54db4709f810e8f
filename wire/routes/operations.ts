// Routes of operations.

import type { Operation } from "../operation.ts";
import { type Listing, route } from "./route.ts";

export const operations = {
  "operations.list": route<Listing<Record<string, string[]>, Record<string, Operation[]>>>()(
    "sync",
    "GET /1.0/operations",
    "All operations, by lower-case status",
    { query: ["project", "recursion", "all-projects"] },
  ),
  "operation.get": route<Operation>()("sync", "GET /1.0/operations/{id}", "One operation"),
  "operation.cancel": route<null>()("sync", "DELETE /1.0/operations/{id}", "Cancel the operation", {
    access: "authenticated",
  }),
  "operation.wait": route<Operation>()(
    "sync",
    "GET /1.0/operations/{id}/wait",
    "The operation once it has ended",
    {
      query: ["timeout", "secret"],
      access: "untrusted",
    },
  ),
  "operation.socket": route()(
    "socket",
    "GET /1.0/operations/{id}/websocket",
    "A stream of the operation",
    { query: ["secret"], access: "untrusted" },
  ),
} as const;
