// Doing one thing to several instances at the same time, and saying what failed for which.

import { DreyError } from "../../errors.ts";
import type { Client } from "../../client/client.ts";
import { resolveName } from "../resolve.ts";
import type { Shell } from "../shell.ts";

/** Runs `act` for every typed name. With one name its error is the command's; with more, each has its line. */
export async function forEach(
  shell: Shell,
  names: readonly string[],
  act: (client: Client, name: string) => Promise<unknown>,
): Promise<number> {
  const outcomes = await Promise.allSettled(names.map(async (text) => {
    const { remote, name } = resolveName(text, "instance");
    await act(await shell.connect(remote), name);
  }));
  const failures = outcomes.flatMap((outcome, at) =>
    outcome.status === "rejected" ? [{ name: names[at], error: outcome.reason }] : []
  );
  const first = failures[0];
  if (first === undefined) return 0;
  if (names.length === 1) throw first.error;
  for (const { name, error } of failures) {
    if (!(error instanceof DreyError)) throw error;
    shell.say(`Error: ${name}: ${error.message}${error.hint === undefined ? "" : `. ${error.hint}`}`);
  }
  return 1;
}
