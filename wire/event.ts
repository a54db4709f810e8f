// What `/1.0/events` sends.

import type { Operation } from "./operation.ts";

/** What every event says, around what it tells. */
export interface EventOf<Type extends string, Metadata> {
  type: Type;
  /** time, RFC 3339 */
  timestamp: string;
  /** empty for what belongs to none */
  project: string;
  location: string;
  /** what is told */
  metadata: Metadata;
}

/** Something has happened to a resource. */
export interface Lifecycle {
  /** one of LXD's actions, such as `instance-started` */
  action: string;
  /** address of what it happened to */
  source: string;
  /** what else is known of it */
  context?: Record<string, unknown>;
  /** who asked for it */
  requestor?: { username: string; protocol: string; address: string };
  /** of the instance, where it happened to one */
  name?: string;
  project?: string;
}

/** A line of the server's log. */
export interface LogLine {
  message: string;
  level: "debug" | "info" | "warning" | "error";
  context: Record<string, string>;
}

/** Whatever is told by `/1.0/events`. */
export type Event =
  | EventOf<"lifecycle", Lifecycle>
  | EventOf<"operation", Operation>
  | EventOf<"logging", LogLine>;
/** The types of events. */
export type EventType = Event["type"];
