// Warnings: what is less than it could be.

import * as s from "./schema.ts";

/** Whether somebody has seen a warning, or it holds no more. */
export type WarningStatus = "new" | "acknowledged" | "resolved";
/** How much is at stake. */
export type WarningSeverity = "low" | "moderate" | "high";

/** Something that is less than it could be. */
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
/** What can be changed of a warning. */
export type WarningPut = s.TypeOf<typeof warningPut>;
