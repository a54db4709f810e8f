// The terminal drey runs in: whether there is one, its size, raw mode.

/** Whether a command in an instance can be given a terminal: both ends must be one. */
export function isInteractive(): boolean {
  return Deno.stdin.isTerminal() && Deno.stdout.isTerminal();
}

/**
 * Whether standard input is there to be read, as in `< web.yaml`, `<<END` or `generate |`: a file, or a pipe that says
 * something. One that is silent is left alone, since it may be so forever.
 */
export async function isStdinGiven(): Promise<boolean> {
  try {
    const { isFile, isFifo } = Deno.statSync("/proc/self/fd/0");
    return isFile || isFifo === true && await (await import("../sys/poll.ts")).isReadable(0);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false; // closed
    throw error;
  }
}

/** In characters. */
export interface TerminalSize {
  width: number;
  height: number;
}

/** The size now; 80 by 24 where nobody knows. */
export function terminalSize(): TerminalSize {
  try {
    const { columns, rows } = Deno.consoleSize();
    return { width: columns || 80, height: rows || 24 };
  } catch {
    return { width: 80, height: 24 }; // standard streams that are no terminal have no size
  }
}

/** A terminal in raw mode, as it was before once this is disposed. */
export interface RawMode extends Disposable {
  /** from now on a signal to end, other than a hang-up, is no end: somebody else takes care of it */
  handOver(): void;
}

/**
 * Puts the terminal into raw mode until disposed: every key goes to the instance, Ctrl-C too. Who is told to end by a
 * signal leaves the terminal as it was.
 */
export async function rawMode(): Promise<RawMode> {
  if (!Deno.stdin.isTerminal()) return { handOver() {}, [Symbol.dispose]() {} };
  let settled: Promise<unknown> = Promise.resolve();
  const end = (number: number) => {
    // what is being set now would outlive the way back
    void settled.then(() => {
      leaveRawMode();
      Deno.exit(128 + number);
    });
  };
  const ending = onSignals(end, endings);
  using undo = new DisposableStack();
  undo.use(ending);
  // the terminal itself is going, and nobody is there any more
  undo.use(onSignals(end, { SIGHUP: 1 }));
  const { spawn } = await import("../sys/run.ts");
  const enter = () => {
    setRaw(true);
    // Deno leaves output processing on, which would turn the line feeds of full-screen programs into line breaks;
    // leaving raw mode puts back all that was there before
    settled = spawn(["stty", "-opost"], { stdin: "inherit", stdout: "null", stderr: "null" }).status;
  };
  enter();
  undo.defer(leaveRawMode);
  // the shell of who stopped drey has set the terminal for itself, and need not put back what it found
  undo.use(onContinue(enter));
  await settled;
  const done = undo.move();
  return { handOver: () => ending[Symbol.dispose](), [Symbol.dispose]: () => done[Symbol.dispose]() };
}

const leaveRawMode = (): void => setRaw(false);

function setRaw(isRaw: boolean): void {
  try {
    Deno.stdin.setRaw(isRaw);
  } catch (error) {
    // EIO: the terminal itself is gone
    if (!(error instanceof Error && /os error 5\b/.test(error.message))) throw error;
  }
}

/** Calls back whenever drey goes on after it was stopped, until disposed. */
function onContinue(callback: () => void): Disposable {
  Deno.addSignalListener("SIGCONT", callback);
  return { [Symbol.dispose]: () => Deno.removeSignalListener("SIGCONT", callback) };
}

/**
 * Calls back with the new size whenever the window changes, until disposed.
 *
 * @param known the size that was told before: the window may have changed since
 */
export function onResize(
  known: TerminalSize,
  callback: (width: number, height: number) => void,
): Disposable {
  const listen = () => {
    const { width, height } = terminalSize();
    callback(width, height);
  };
  Deno.addSignalListener("SIGWINCH", listen);
  // who is stopped is not told
  const continuing = onContinue(listen);
  const { width, height } = terminalSize();
  if (width !== known.width || height !== known.height) callback(width, height);
  return {
    [Symbol.dispose]() {
      Deno.removeSignalListener("SIGWINCH", listen);
      continuing[Symbol.dispose]();
    },
  };
}

/** Signals that end a program that does not care for them, with their numbers. */
const endings = { SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 } as const;
/** Signals handed on to a command in an instance. */
const handedOn = { ...endings, SIGHUP: 1, SIGUSR1: 10, SIGUSR2: 12 } as const;

/** Calls back with the number of a signal sent to drey, until disposed, which may be done twice. */
export function onSignals(
  callback: (number: number) => void,
  signals: Partial<typeof handedOn> = handedOn,
): Disposable {
  const stack = new DisposableStack();
  for (const [name, number] of Object.entries(signals)) {
    const listen = () => callback(number);
    Deno.addSignalListener(name as keyof typeof handedOn, listen);
    stack.defer(() => Deno.removeSignalListener(name as keyof typeof handedOn, listen));
  }
  return stack;
}
