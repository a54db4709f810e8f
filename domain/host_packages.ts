// The Debian packages drey stands on: which are missing, and how root gets them with apt-get(8).

import { DreyError } from "../errors.ts";
import { commandFailed, fullPath, run } from "../sys/run.ts";
import { findTool, packageOf, tools } from "../sys/tools.ts";

export interface Consent {
  /** whether the packages may be installed; asked only if some are missing */
  ask(packages: readonly string[]): boolean;
  /** tells what is being done */
  say(line: string): void;
}

/** Asks on the terminal; without one, the answer is yes and what happens is printed. */
const terminalConsent: Consent = {
  ask(packages) {
    if (!Deno.stdin.isTerminal() || !Deno.stderr.isTerminal()) return true;
    const answer = prompt(`drey needs ${packages.join(" ")}. Install with apt-get? [Y/n]`);
    return answer === null || /^(y(es)?)?$/i.test(answer.trim());
  },
  say: (line) => console.error(line),
};

/** Programs among these that this host lacks. */
export function missingTools(wanted: readonly string[] = tools.map(({ name }) => name)): string[] {
  const path = fullPath();
  return wanted.filter((name) => findTool(name, path) === undefined);
}

/**
 * Makes sure that programs are there. Root on a Debian system gets the missing ones installed, with consent;
 * everybody else learns what to ask for. Costs one stat(2) per directory when all is well.
 *
 * @param wanted names of programs; all that drey calls if left out
 * @throws {DreyError} `TOOL_MISSING`
 */
export async function installMissing(
  wanted?: readonly string[],
  { consent = terminalConsent }: { consent?: Consent } = {},
): Promise<string[]> {
  const missing = missingTools(wanted);
  if (missing.length === 0) return [];
  const packages = [...new Set(missing.map(packageOf))];
  const canInstall = Deno.uid() === 0 && findTool("apt-get", fullPath()) !== undefined;
  if (!canInstall || !consent.ask(packages)) throw toolsMissing(missing, packages);
  await installPackages(packages, consent.say);
  return packages;
}

/**
 * Installs Debian packages without asking.
 *
 * @throws {DreyError} `COMMAND_FAILED` with what apt-get said
 */
export async function installPackages(
  packages: readonly string[],
  say: (line: string) => void = terminalConsent.say,
): Promise<void> {
  if (!hasPackageLists()) {
    say("Reading package lists: apt-get update");
    await apt(["update"]);
  }
  say(`Installing: apt-get install ${packages.join(" ")}`);
  await apt(["install", "--yes", "--no-install-recommends", ...packages]);
}

async function apt(words: readonly string[]): Promise<void> {
  const env = { ...Deno.env.toObject(), PATH: fullPath(), DEBIAN_FRONTEND: "noninteractive" };
  // another apt-get may be at work, as on a machine that has just booted
  const result = await run(["apt-get", "-o", "DPkg::Lock::Timeout=120", "--quiet", ...words], { env });
  if (result.code !== 0) throw commandFailed(`apt-get ${words[0]}`, result);
}

function hasPackageLists(directory = "/var/lib/apt/lists"): boolean {
  try {
    return [...Deno.readDirSync(directory)].some(({ name }) => /Packages(\.\w+)?$/.test(name));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function toolsMissing(missing: readonly string[], packages: readonly string[]): DreyError {
  return new DreyError("TOOL_MISSING", {
    message: `Cannot run ${missing.map((name) => `"${name}"`).join(", ")}: not installed`,
    hint: `Ask an administrator to run: ${installCommand(packages)}`,
  });
}

/** The command for an administrator. */
export function installCommand(packages: readonly string[]): string {
  return `apt-get install ${packages.join(" ")}`;
}
