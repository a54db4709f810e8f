// An operation as it runs: one line that changes, on a terminal only. Ctrl-C asks the operation to end, a second
// one ends drey.

import type { RunningOperation } from "../client/operations.ts";
import type { Operation } from "../wire/operation.ts";
import { printable } from "./printable.ts";
import { inAWhile } from "../sys/clock.ts";

/** `milliseconds` an operation runs before Ctrl-C asks it to end: until then it ends drey */
const listenAfter = 50;

export interface ProgressOptions {
  /** what the line starts with, such as the instance's name */
  label: string;
  /** whether to draw the line at all */
  isShown: boolean;
  /** whether Ctrl-C asks it to end */
  heedsInterrupt: boolean;
}

/** Waits for an operation and shows what it says about its progress. */
export async function waitShown(running: RunningOperation, options: ProgressOptions): Promise<Operation> {
  using _cancelling = options.heedsInterrupt ? cancelOnInterrupt(running) : undefined;
  if (!options.isShown) return await running.wait();
  using line = progressLine();
  return await running.wait({
    onUpdate: (operation) => {
      const text = progressText(operation);
      if (text !== undefined) line.show(`${options.label}: ${text}`);
    },
  });
}

/** What an operation says about how far it is: the latest of its `…_progress` keys. */
function progressText(operation: Operation): string | undefined {
  const entries = Object.entries(operation.metadata ?? {});
  const last = entries.findLast(([key, value]) => key.endsWith("_progress") && typeof value === "string");
  return last?.[1] as string | undefined;
}

/** What an operation that succeeded could not do as well as it should. */
export function warningsOf(operation: Operation): string[] {
  const { warnings } = operation.metadata ?? {};
  return Array.isArray(warnings) ? warnings.map(String) : [];
}

function progressLine(): Disposable & { show(text: string): void } {
  const write = (text: string) => Deno.stderr.writeSync(new TextEncoder().encode(text));
  let isDrawn = false;
  return {
    show(text) {
      const { columns } = Deno.consoleSize();
      write(`\r\x1b[K${printable(text).replaceAll("\n", " ").slice(0, columns - 1)}`);
      isDrawn = true;
    },
    [Symbol.dispose]() {
      if (isDrawn) write("\r\x1b[K");
    },
  };
}

/**
 * Listens to Ctrl-C once the operation has lasted for a while. To listen takes Deno a thread and a millisecond, and one
 * that is over at once may as well be cut short: the next command tidies up.
 */
function cancelOnInterrupt(running: RunningOperation): Disposable {
  let isAsked = false;
  const interrupt = () => {
    if (isAsked) Deno.exit(130);
    isAsked = true;
    cancelOrSay(running);
  };
  let isListening = false;
  const begun = inAWhile(listenAfter, () => {
    isListening = true;
    Deno.addSignalListener("SIGINT", interrupt);
  });
  return {
    [Symbol.dispose]() {
      begun[Symbol.dispose]();
      if (isListening) Deno.removeSignalListener("SIGINT", interrupt);
    },
  };
}

/** Asks an operation to end for somebody at a terminal, who is told if it cannot. */
export function cancelOrSay(running: RunningOperation): void {
  running.cancel().catch((error) => {
    const said = error instanceof Error ? error.message : error;
    const text = `Cannot cancel: ${said}. Press Ctrl-C again to leave anyway\n`;
    Deno.stderr.writeSync(new TextEncoder().encode(text));
  });
}
