// What `/1.0/events` sends.

import type { Operation } from "./operation.ts";

export interface EventOf<Type extends string, Metadata> {
  type: Type;
  timestamp: string;
  project: string;
  location: string;
  metadata: Metadata;
}

export interface Lifecycle {
  /** one of LXD's actions, such as `instance-started` */
  action: string;
  /** address of what it happened to */
  source: string;
  context?: Record<string, unknown>;
  requestor?: { username: string; protocol: string; address: string };
  name?: string;
  project?: string;
}

export interface LogLine {
  message: string;
  level: "debug" | "info" | "warning" | "error";
  context: Record<string, string>;
}

export type Event =
  | EventOf<"lifecycle", Lifecycle>
  | EventOf<"operation", Operation>
  | EventOf<"logging", LogLine>;
export type EventType = Event["type"];
