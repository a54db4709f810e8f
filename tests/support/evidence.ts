// What a failed test can tell about why: the commands it ran, what its servers said, and how the host was. It goes into
// the message of the failure, since that is what is read when nobody can look at the machine any more.

import { namesIn, readIfThere } from "../../sys/present.ts";
import { run, type RunResult } from "../../sys/run.ts";

/** The commands of a test, the last ones. */
export interface Transcript {
  note(words: readonly string[], result: RunResult, milliseconds: number): void;
  read(): string[];
}

/** Commands that are kept, and of those that failed. */
const kept = 40;
/** Commands that are told though they succeeded. */
const told = 5;

export function openTranscript(): Transcript {
  const lines: { isFailure: boolean; text: string }[] = [];
  return {
    note(words, { code, stdout, stderr }, milliseconds) {
      const said = code === 0 ? "" : ending(`\n${stderr}${stdout}`, 600);
      const text = `[${Math.round(milliseconds)} ms, ${code}] ${beginning(words.join(" "), 200)}${said}`;
      lines.push({ isFailure: code !== 0, text });
      if (lines.length > kept) lines.shift();
    },
    read: () =>
      lines.filter(({ isFailure }, at) => isFailure || at >= lines.length - told).map(({ text }) => text),
  };
}

/** An error with what is known of the drey of a test added to its message; the same one where that can be. */
export async function explained(error: unknown, directory: string, transcript: Transcript): Promise<Error> {
  const evidence = await gather(directory, transcript).catch((later) => `nothing is known: ${later}`);
  // that of a DOMException cannot be set
  if (!(error instanceof Error) || error instanceof DOMException) {
    return new Error(`${error}\n\n${evidence}`, { cause: error });
  }
  error.message += `\n\n${evidence}`;
  return error;
}

async function gather(directory: string, transcript: Transcript): Promise<string> {
  const parts = [
    ["the last commands, and those that failed", transcript.read().join("\n")],
    ...logsOf(directory).map((path) => [path, ending(readIfThere(path) ?? "", 1500)]),
    ["load", `${readIfThere("/proc/loadavg")?.trim()}; ${readIfThere("/proc/meminfo")?.split("\n")[2]}`],
    ["processes", await processes(directory)],
  ];
  return parts.filter(([, text]) => text !== "").map(([title, text]) => `== ${title}\n${text}`).join("\n");
}

/** Where a server of a test writes what it says. */
export const serverLog = (directory: string): string => `${directory}/serve.log`;

/** What servers, starts and consoles have written. */
function logsOf(directory: string): string[] {
  const logs = `${directory}/logs`;
  const ofInstances = namesIn(logs).flatMap((name) =>
    namesIn(`${logs}/${name}`).filter((file) => file.endsWith(".log")).map((file) =>
      `${logs}/${name}/${file}`
    )
  );
  return [serverLog(directory), ...ofInstances.slice(0, 6)];
}

/** Those that name the directory, with what they wait for. */
async function processes(directory: string): Promise<string> {
  const { stdout } = await run(["ps", "-eo", "pid,ppid,stat,etimes,wchan:20,args", "--width", "200"]);
  return stdout.split("\n").filter((line) => line.includes(directory)).slice(0, 20).join("\n");
}

const beginning = (text: string, length: number) => text.length > length ? `${text.slice(0, length)}…` : text;
const ending = (text: string, length: number) =>
  (text.length > length ? `…${text.slice(-length)}` : text).trimEnd();
