// Ctrl-C while several requests belong together: drey does not end between them, with half of it done.

import { DreyError } from "../errors.ts";
import { onSignals } from "./terminal.ts";

/** What there is to know of Ctrl-C, until disposed. */
export interface Interrupts extends Disposable {
  /** @throws {DreyError} `CANCELLED` if it has come */
  heed(): void;
  /** does something when it comes, or at once if it has, until disposed */
  during(act: () => void): Disposable;
  /** what has come so far was seen to */
  forget(): void;
}

/** Takes note of Ctrl-C from now on; a second one ends drey. */
export function noteInterrupts(): Interrupts {
  let hasCome = false;
  const acts = new Set<() => void>();
  const listening = onSignals((signal) => {
    if (hasCome) Deno.exit(128 + signal);
    hasCome = true;
    for (const act of acts) act();
  }, { SIGINT: 2 });
  return {
    heed() {
      if (hasCome) throw new DreyError("CANCELLED", { message: "Cancelled by Ctrl-C" });
    },
    during(act) {
      acts.add(act);
      if (hasCome) act();
      return { [Symbol.dispose]: () => void acts.delete(act) };
    },
    forget: () => void (hasCome = false),
    [Symbol.dispose]: () => listening[Symbol.dispose](),
  };
}
