// drey on a terminal, as a person has it.

import type { Drey } from "./drey.ts";

export interface TerminalOptions {
  /** shell commands on the terminal before drey starts */
  before?: string;
  /** what is typed once a text has been shown, and what is done before that */
  typed?: { after: string; text: string; first?: () => Promise<void> };
}

/** Runs drey on a terminal that script(1) makes. */
export async function onTerminal(
  drey: Drey,
  argv: readonly string[],
  { before = ":", typed }: TerminalOptions = {},
): Promise<{ output: string; code: number }> {
  const quoted = drey.commandLine(argv).map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  const child = new Deno.Command("script", {
    args: ["-qec", `${before}\n${quoted}`, "/dev/null"],
    env: { ...drey.environment, TERM: "xterm", SHELL: "/bin/sh" },
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), 150_000);
  const keyboard = child.stdin.getWriter();
  let output = "";
  let isTyped = typed === undefined;
  for await (const chunk of child.stdout) {
    output += new TextDecoder().decode(chunk);
    if (isTyped || typed === undefined || !output.includes(typed.after)) continue;
    isTyped = true;
    await typed.first?.();
    await keyboard.write(new TextEncoder().encode(typed.text));
  }
  clearTimeout(timer);
  await keyboard.close().catch(() => {}); // script may be gone
  return { output, code: (await child.status).code };
}
