// Background operations.

import type { OperationStatus } from "./status.ts";

/** Work that goes on in the background, as it stands. */
export interface Operation {
  /** a UUID */
  id: string;
  /** `websocket` ones have streams, `token` ones wait for a client */
  class: "task" | "websocket" | "token";
  description: string;
  /** time, RFC 3339 */
  created_at: string;
  updated_at: string;
  status: OperationStatus;
  status_code: number;
  /** addresses by kind: `{ instances: ["/1.0/instances/c1"] }` */
  resources: Record<string, string[]> | null;
  /** keys that end in `_progress` hold strings; the lxc client relies on it */
  metadata: Record<string, unknown> | null;
  /** whether somebody may end it early */
  may_cancel: boolean;
  /** what went wrong, for people; empty otherwise */
  err: string;
  /** HTTP status of the failure; 0 unless it failed */
  err_code?: number;
  location: string;
}
