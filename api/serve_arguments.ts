// The words after `drey serve`.

import { DreyError } from "../errors.ts";

export interface ServeArguments {
  socket?: string;
  group?: string;
  idle?: number;
  isVerbose: boolean;
  units?: "install" | "uninstall";
}

const valued = { "--socket": "socket", "--group": "group", "--idle": "idle" } as const;

/** @throws {DreyError} `BAD_REQUEST` for a word that means nothing here */
export function readArguments(argv: readonly string[]): ServeArguments {
  const found: ServeArguments = { isVerbose: false };
  const words = [...argv];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const [name = "", ...rest] = word.split("=");
    const inline = rest.length === 0 ? undefined : rest.join("=");
    if (Object.hasOwn(valued, name)) {
      give(found, name as keyof typeof valued, inline ?? words.shift());
    } else if (word === "--verbose" || word === "-v") found.isVerbose = true;
    else if (word === "--install" || word === "--uninstall") {
      found.units = word === "--install" ? "install" : "uninstall";
    } else throw unexpected(word);
  }
  return found;
}

function give(found: ServeArguments, name: keyof typeof valued, value: string | undefined): void {
  if (value === undefined || value === "") throw bad(`"${name}" needs a value`);
  if (name !== "--idle") found[valued[name]] = value;
  else if (/^\d{1,6}$/.test(value)) found.idle = Number(value);
  else throw bad(`"--idle" needs a number of seconds, not "${value}"`);
}

const unexpected = (word: string) => bad(`unexpected argument "${word}"`);

function bad(message: string): DreyError {
  return new DreyError("BAD_REQUEST", {
    message: `Cannot serve: ${message}`,
    hint:
      "Usage: drey serve [--socket PATH] [--group GROUP] [--idle SECONDS] [--verbose] [--install | --uninstall]",
  });
}
