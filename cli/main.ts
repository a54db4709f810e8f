// The command line: argv in, exit status out. Loads only what the typed command needs.

import { describeError, DreyError, explainedToTypist } from "../errors.ts";
import type { Client } from "../client/client.ts";
import type { Remote } from "../client/remotes.ts";
import { grammarFor, wholeGrammar } from "./grammar.ts";
import { parse, type Parsed, type Typed } from "./parse.ts";
import { printable } from "./printable.ts";
import type { Shell } from "./shell.ts";

/** Runs one command line and returns the exit status of the process. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    return await runLine(argv);
  } catch (thrown) {
    if (thrown instanceof Deno.errors.BrokenPipe) return 0; // the reader of our output has seen enough
    const error = explainedToTypist(thrown);
    const isDebug = argv.includes("--debug");
    if (!(error instanceof DreyError) || isDebug) say(thrown instanceof Error ? thrown.stack ?? "" : "");
    if (error instanceof DreyError) say(`Error: ${oneLine(describeError(error))}`);
    return 1;
  }
}

async function runLine(argv: readonly string[]): Promise<number> {
  const [first = "--help", ...rest] = argv;
  if (rest.length === 0 && (first === "--help" || first === "-h")) {
    print((await import("./program_page.ts")).programPage);
    return 0;
  }
  const words = await withoutAlias(argv);
  if (typeof words === "number") return words;
  const parsed = await parseWords(words);
  if (parsed.kind === "version") return await runLine(["version"]);
  if (parsed.kind === "help") {
    const { help } = await import("./help.ts");
    print(help(parsed.topic, await wholeGrammar()));
    return 0;
  }
  const handler = await parsed.typed.command.load();
  await using clients = openClients(parsed.typed);
  return await handler(createShell(parsed.typed, clients.connect)) ?? 0;
}

/** The words with a person's own replaced by what they stand for; the exit status if that was another program. */
async function withoutAlias(argv: readonly string[]): Promise<readonly string[] | number> {
  const { aliases, loadRemotes } = await import("../client/remotes.ts");
  await loadRemotes();
  if (Object.keys(aliases()).length === 0) return argv;
  const { expand, runProgram } = await import("./alias_words.ts");
  const words = expand(argv, aliases());
  return words[0]?.startsWith("/") ? await runProgram(words) : words;
}

async function parseWords(words: readonly string[]): Promise<Parsed> {
  try {
    return parse(words, await grammarFor(words));
  } catch (error) {
    // words of lxc and others that mean nothing here are told from those nobody knows
    const { habit } = await import("./habits.ts");
    throw habit(words, error) ?? (await import("./absent.ts")).absence(words) ?? error;
  }
}

function createShell(typed: Typed, connect: Shell["connect"]): Shell {
  return {
    typed,
    connect,
    print,
    say,
    async wait(running, label, { heedsInterrupt = true } = {}) {
      const { waitShown, warningsOf } = await import("./progress.ts");
      const isShown = Deno.stderr.isTerminal() && !typed.has("quiet");
      const ended = await waitShown(running, { label, isShown, heedsInterrupt });
      for (const warning of warningsOf(ended)) say(`Warning: ${label}: ${warning}`);
      return ended;
    },
  };
}

interface Clients extends AsyncDisposable {
  connect(remote: Remote): Promise<Client>;
}

function openClients(typed: Typed): Clients {
  const open = new Map<string, Promise<Client>>();
  const connectTo = async (remote: Remote): Promise<Client> => {
    const { connect } = await import("../client/connect.ts");
    const { chosenProject } = await import("../client/projects.ts");
    const project = typed.text("project") ?? await chosenProject(remote);
    return connect({
      ...(project === undefined ? {} : { project }),
      remote,
      door: typed.has("force-local") ? "in-process" : "auto",
      ...(typed.has("debug") ? { onRequest: (line) => say(`debug: ${line}`) } : {}),
    });
  };
  return {
    connect(remote) {
      const client = open.get(remote.name) ?? connectTo(remote);
      open.set(remote.name, client);
      return client;
    },
    async [Symbol.asyncDispose]() {
      for (const client of await Promise.allSettled(open.values())) {
        if (client.status === "fulfilled") await client.value[Symbol.asyncDispose]();
      }
    },
  };
}

const encoder = new TextEncoder();

function print(text: string | Uint8Array): void {
  try {
    writeAll(Deno.stdout, typeof text === "string" ? encoded(text, Deno.stdout) : text);
  } catch (error) {
    // where Deno names the file it could not write
    if (error instanceof Error) error.message += ": write 'standard output'";
    throw error;
  }
}

function say(line: string): void {
  writeAll(Deno.stderr, encoded(`${line}\n`, Deno.stderr));
}

const encoded = (text: string, to: { isTerminal(): boolean }): Uint8Array =>
  encoder.encode(to.isTerminal() ? printable(text) : text);

function writeAll(to: { writeSync(data: Uint8Array): number }, data: Uint8Array): void {
  for (let at = 0; at < data.length;) at += to.writeSync(data.subarray(at));
}

const oneLine = (text: string) => text.trim().replace(/\s*\n\s*/g, "; ");
