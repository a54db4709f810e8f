// What a server tells whoever runs it: a line of key=value words for each thing that happens, on standard error.

export type Level = "debug" | "info" | "warn" | "error";
export type Log = (level: Level, message: string, words?: Record<string, unknown>) => void;

/** A log that leaves out what is only worth knowing when looking for something, unless asked. */
export function openLog({ isVerbose }: { isVerbose: boolean }): Log {
  return (level, message, words = {}) => {
    if (level === "debug" && !isVerbose) return;
    console.error(logLine({ time: new Date().toISOString(), level, msg: message, ...words }));
  };
}

/**
 * Has errors that nobody waited for logged, with their stacks: they are faults of drey's own, and of one request; a server
 * that ended by them would be gone for all others too.
 */
export function logLostErrors(log: Log): void {
  const lost = (reason: unknown) =>
    log("error", "Lost error", { error: reason instanceof Error ? reason.stack : reason });
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    lost(event.reason);
  });
  // thrown where nobody could wait: in a callback of the clock or of a stream
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    lost(event.error);
  });
}

/** `key=value` words, with quotes where a value needs them; what is undefined is left out. */
function logLine(words: Record<string, unknown>): string {
  return Object.entries(words)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${wordOf(String(value))}`)
    .join(" ");
}

const wordOf = (text: string) => /^[\w./:@[\]+-]+$/.test(text) ? text : JSON.stringify(text);
