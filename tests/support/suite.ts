// One run of `deno test`, counted: what passed, what failed, and what was skipped for which reason.

export interface Tally {
  passed: number;
  failed: number;
  /** names of skipped tests, which end in the reason */
  skipped: string[];
}

export interface SuiteOptions {
  /** argv before the arguments of `deno test` */
  deno: readonly string[];
  /** files and directories, and what is left out of them */
  paths: readonly string[];
  ignore?: readonly string[];
  cwd: string;
  env?: Record<string, string>;
}

/** Runs tests with their output passed on. A run that ends without a summary counts as one failure. */
export async function runSuite({ deno, paths, ignore = [], cwd, env = {} }: SuiteOptions): Promise<Tally> {
  const [program = "deno", ...before] = deno;
  const leftOut = ignore.length === 0 ? [] : [`--ignore=${ignore.join(",")}`];
  const child = new Deno.Command(program, {
    // types are checked by `deno task check`; here it would cost a minute per user
    args: [...before, "test", "-A", "--quiet", "--no-check", "--permit-no-files", ...leftOut, ...paths],
    cwd,
    env: { ...env, NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const output = await passOn(child.stdout);
  const { code } = await child.status;
  const tally = countTests(output);
  if (tally === undefined) return { passed: 0, failed: code === 0 ? 0 : 1, skipped: [] };
  // a leak or an uncaught error fails the run without failing a test
  return code !== 0 && tally.failed === 0 ? { ...tally, failed: 1 } : tally;
}

/** Reads the summary of `deno test`; `undefined` if there is none. */
export function countTests(output: string): Tally | undefined {
  const summaries = [...output.matchAll(/^(?:ok|FAILED) \| (\d+) passed.*? \| (\d+) failed/gm)];
  const summary = summaries.at(-1);
  if (summary === undefined) return undefined;
  const skipped = [...output.matchAll(/^(.+) \.\.\. ignored/gm)].map(([, name]) => name ?? "");
  return { passed: Number(summary[1]), failed: Number(summary[2]), skipped };
}

/** The sum of several runs. */
export function sum(tallies: readonly Tally[]): Tally {
  return {
    passed: tallies.reduce((total, { passed }) => total + passed, 0),
    failed: tallies.reduce((total, { failed }) => total + failed, 0),
    skipped: tallies.flatMap(({ skipped }) => skipped),
  };
}

/** The closing line, as scripts read it. */
export function closingLine({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed` + (skipped.length > 0 ? `, ${skipped.length} skipped` : "");
}

/** Passes output on in whole lines, so that suites that run at the same time do not write into each other's. */
async function passOn(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let written = 0;
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    const end = text.lastIndexOf("\n") + 1;
    if (end > written) writeAll(text.slice(written, end));
    written = Math.max(written, end);
  }
  if (text.length > written) writeAll(`${text.slice(written)}\n`);
  return text;
}

function writeAll(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}
