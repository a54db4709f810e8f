// What a command is given: what was typed, the servers it may call, and where its words go.

import type { Client } from "../client/client.ts";
import type { RunningOperation } from "../client/operations.ts";
import type { Remote } from "../client/remotes.ts";
import type { Operation } from "../wire/operation.ts";
import type { Typed } from "./parse.ts";

export interface WaitOptions {
  /** false where somebody else listens to Ctrl-C, which asks the operation to end otherwise */
  heedsInterrupt?: boolean;
}

export interface Shell {
  typed: Typed;
  /** the client of a remote, opened at the first call */
  connect(remote: Remote): Promise<Client>;
  /** to standard output, as it is */
  print(text: string | Uint8Array): void;
  /** a line to standard error, for people */
  say(line: string): void;
  /** waits for an operation, showing its progress where somebody watches */
  wait(running: RunningOperation, label: string, options?: WaitOptions): Promise<Operation>;
}
