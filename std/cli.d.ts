export interface ParseOptions {
  boolean?: readonly string[];
  string?: readonly string[];
  default?: Readonly<Record<string, unknown>>;
  alias?: Readonly<Record<string, string | readonly string[]>>;
  stopEarly?: boolean;
  unknown?(arg: string, key?: string, value?: unknown): unknown;
}

/** Flags by name, and the words that are none under `_`. */
export type Args = Record<string, unknown> & { _: (string | number)[] };

export function parseArgs(args: readonly string[], options?: ParseOptions): Args;
