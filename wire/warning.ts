// Warnings: what is less than it could be.

import * as s from "./schema.ts";

export type WarningStatus = "new" | "acknowledged" | "resolved";
export type WarningSeverity = "low" | "moderate" | "high";

export interface Warning {
  uuid: string;
  /** what it is about, in words; warnings of one type about one thing are one */
  type: string;
  status: WarningStatus;
  severity: WarningSeverity;
  /** how often it was seen */
  count: number;
  first_seen_at: string;
  last_seen_at: string;
  last_message: string;
  location: string;
  /** empty for what is about the host */
  project: string;
  /** address of the thing it is about, or empty */
  entity_url: string;
}

export const warningPut = s.object({ status: s.optional(s.string, "`new` or `acknowledged`") });
export type WarningPut = s.TypeOf<typeof warningPut>;
