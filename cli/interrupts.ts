// Ctrl-C while several requests belong together: drey does not end between them, with half of it done.

import { DreyError } from "../errors.ts";
import { onSignals } from "./terminal.ts";

/** What there is to know of Ctrl-C, until disposed. */
export interface Interrupts extends Disposable {
  readonly hasCome: boolean;
  /** @throws {DreyError} `CANCELLED` if it has come */
  heed(): void;
  /** what has come so far was seen to */
  forget(): void;
}

/** Takes note of Ctrl-C from now on; a second one ends drey. */
export function noteInterrupts(): Interrupts {
  let hasCome = false;
  const listening = onSignals((signal) => {
    if (hasCome) Deno.exit(128 + signal);
    hasCome = true;
  }, { SIGINT: 2 });
  return {
    get hasCome() {
      return hasCome;
    },
    heed() {
      if (hasCome) throw new DreyError("CANCELLED", { message: "Cancelled by Ctrl-C" });
    },
    forget: () => void (hasCome = false),
    [Symbol.dispose]: () => listening[Symbol.dispose](),
  };
}
