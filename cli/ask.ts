// Questions to the person at the keyboard, asked on standard error so that answers can be piped elsewhere.

import { DreyError } from "../errors.ts";
import type { Shell } from "./shell.ts";

/**
 * One line of an answer.
 *
 * @param instead how to do without the question
 * @throws {DreyError} `BAD_REQUEST` if nobody can answer
 */
export async function ask(question: string, instead: string): Promise<string> {
  Deno.stderr.writeSync(new TextEncoder().encode(question));
  const bytes: number[] = [];
  const buffer = new Uint8Array(1);
  while (await Deno.stdin.read(buffer) !== null) {
    if (buffer[0] === 10) return new TextDecoder().decode(Uint8Array.from(bytes)).trim();
    bytes.push(buffer[0] ?? 0);
  }
  if (bytes.length > 0) return new TextDecoder().decode(Uint8Array.from(bytes)).trim();
  Deno.stderr.writeSync(new TextEncoder().encode("\n"));
  throw new DreyError("BAD_REQUEST", {
    message: "There is nobody to answer: standard input is at its end",
    hint: instead,
  });
}

/** Whether a certificate is the expected one: yes, no, or its fingerprint typed in. */
export async function askFingerprint(shell: Shell, fingerprint: string): Promise<boolean> {
  shell.say(`Certificate fingerprint: ${fingerprint}`);
  const answer = (await ask("ok (y/n/[fingerprint])? ", "Give --accept-certificate to trust it unseen"))
    .toLowerCase();
  return ["y", "yes"].includes(answer) || answer === fingerprint;
}
