// Running other programs: argv in, status and output out. No shell is involved.

import { DreyError } from "../errors.ts";
import { hearOfChildren } from "./processes.ts";
import { packageOf } from "./tools.ts";

export interface RunOptions {
  cwd?: string;
  /** the whole environment of the program; without it, drey's own with a complete PATH */
  env?: Record<string, string>;
  /** text for standard input; without it, /dev/null */
  stdin?: string;
  signal?: AbortSignal;
}

export interface RunResult {
  /** exit status; 128 + signal number if a signal ended it */
  code: number;
  stdout: string;
  stderr: string;
}

/** PATH with the administrator's directories, which user shells on Debian lack (`ip`, `nft`, `mke2fs` live there). */
export function fullPath(path: string = Deno.env.get("PATH") ?? ""): string {
  const wanted = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
  const have = path.split(":").filter((dir) => dir !== "");
  return [...have, ...wanted.filter((dir) => !have.includes(dir))].join(":");
}

/**
 * Starts `argv[0]` with the rest as its arguments.
 *
 * @throws {DreyError} `TOOL_MISSING` if there is no such program
 */
export function spawn(argv: readonly string[], options: Deno.CommandOptions = {}): Deno.ChildProcess {
  const [program, ...args] = argv;
  if (program === undefined) throw new Error("spawn() needs a program");
  try {
    return somewhere(
      { env: { PATH: fullPath() }, ...options, args },
      (given) => new Deno.Command(program, given).spawn(),
    );
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw toolMissing(program, error);
  }
}

/**
 * Deno enters the working directory anew for each child, which fails where sudo(8) has left somebody in a directory
 * that is closed to them. Nothing relative to it could be meant then.
 */
function somewhere<T>(options: Deno.CommandOptions, begin: (options: Deno.CommandOptions) => T): T {
  hearOfChildren();
  try {
    return begin(options);
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied) || options.cwd !== undefined) throw error;
    return begin({ ...options, cwd: "/" });
  }
}

/** Signals a child that may have ended already. */
export function kill(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch (error) {
    if (!(error instanceof TypeError) && !(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Runs a program to its end and collects what it prints; a failure is a result like any other. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const child = spawn(argv, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env, clearEnv: true }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    stdin: options.stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  });
  const fed = options.stdin === undefined ? Promise.resolve() : feed(child.stdin, options.stdin);
  const [output] = await Promise.all([child.output(), fed]);
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code: output.code, stdout: text(output.stdout), stderr: text(output.stderr) };
}

/**
 * Runs a program that must succeed and returns what it printed.
 *
 * @throws {DreyError} `COMMAND_FAILED` with the last line it said on standard error
 */
export async function runChecked(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const result = await run(argv, options);
  if (result.code === 0) return result.stdout;
  throw commandFailed(argv[0] ?? "", result);
}

/**
 * The same without letting anybody else run meanwhile, for callers that cannot wait and programs that take milliseconds.
 *
 * @throws {DreyError} `COMMAND_FAILED`, `TOOL_MISSING`
 */
export function runNow(argv: readonly string[]): void {
  const [program = "", ...args] = argv;
  try {
    const { code, stderr } = somewhere(
      { args, env: { PATH: fullPath() }, stdin: "null" },
      (given) => new Deno.Command(program, given).outputSync(),
    );
    if (code !== 0) throw commandFailed(program, { code, stderr: new TextDecoder().decode(stderr) });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw toolMissing(program, error);
    throw error;
  }
}

/** The error for a program that ended badly. */
export function commandFailed(program: string, result: { code: number; stderr: string }): DreyError {
  if (/No space left on device|ENOSPC|Disk quota exceeded/.test(result.stderr)) {
    return new DreyError("NO_SPACE", { message: `The disk is full: ${program} could not write` });
  }
  // tar's last line only says that there were others, that of ip in which line of its input they were
  const lines = result.stderr.trim().split("\n").filter((line) =>
    !/: Exiting with failure status|^Command failed -:\d+$/.test(line)
  );
  const said = lines.at(-1) ?? "";
  return new DreyError("COMMAND_FAILED", {
    message: `${program} ended with status ${result.code}${said === "" ? "" : `: ${said}`}`,
  });
}

/** The error for a program that is not there. */
export function toolMissing(program: string, cause?: unknown): DreyError {
  const name = program.split("/").at(-1) ?? program;
  return new DreyError("TOOL_MISSING", {
    message: `Cannot run "${name}": it is not installed`,
    hint: `Ask an administrator to run: apt-get install ${packageOf(name)}`,
    cause,
  });
}

async function feed(stdin: WritableStream<Uint8Array>, text: string): Promise<void> {
  const writer = stdin.getWriter();
  try {
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
  } catch (error) {
    // the program may end without reading it all
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
