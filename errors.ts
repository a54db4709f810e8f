// Errors a person can act on: a code, what was tried, how to fix it. Bugs stay plain `Error`s.

/** Every code with the HTTP status the API answers and what it stands for. Scripts may rely on the names. */
export const errorCodes = {
  BAD_REQUEST: { status: 400, summary: "The request is malformed or a value is not allowed" },
  FORBIDDEN: { status: 403, summary: "The caller may not do this" },
  NOT_FOUND: { status: 404, summary: "The named thing does not exist" },
  ALREADY_EXISTS: { status: 409, summary: "A thing of this name exists" },
  CONFLICT: { status: 409, summary: "Another change is in the way" },
  PRECONDITION_FAILED: { status: 412, summary: "The object changed since it was read (ETag)" },
  TOO_LARGE: { status: 413, summary: "The request body is larger than allowed" },
  NOT_SUPPORTED: { status: 501, summary: "drey does not do this yet" },
  INSTANCE_STATE: { status: 400, summary: "The instance is in a state that does not allow this" },
  IMAGE_INVALID: { status: 400, summary: "An image is broken, hostile or of an unknown format" },
  IMAGE_IN_USE: { status: 400, summary: "An image is still used" },
  SUBID_MISSING: { status: 500, summary: "The user has no subordinate ids where they are needed" },
  CGROUP_MISSING: {
    status: 400,
    summary: "No delegated cgroup v2 subtree, or a controller is not delegated",
  },
  TOOL_MISSING: { status: 500, summary: "A program drey calls is not installed" },
  KERNEL_REFUSED: { status: 500, summary: "The kernel refused a system call" },
  NO_SPACE: { status: 507, summary: "The disk is full" },
  NETWORK: { status: 502, summary: "A mirror, registry or server cannot be reached" },
  TIMEOUT: { status: 500, summary: "Something did not happen in time" },
  CANCELLED: { status: 400, summary: "The operation was cancelled" },
  OPERATION_FAILED: { status: 400, summary: "A background operation ended in failure" },
  SERVER_FAILED: { status: 500, summary: "The server answered with an error of its own" },
  COMMAND_FAILED: { status: 500, summary: "A program drey called failed" },
  STATE_BROKEN: { status: 500, summary: "drey's own records cannot be read" },
} as const satisfies Record<string, { status: number; summary: string }>;

/** The code of a {@link DreyError}. */
export type ErrorCode = keyof typeof errorCodes;

/** What is said of an error besides its code. */
export interface DreyErrorOptions {
  /** one sentence in sentence case, without a final period: `Cannot <verb> <thing> "<name>": <what we found>` */
  message: string;
  /** what the reader can do about it, one line */
  hint?: string;
  /** the error that led to this one */
  cause?: unknown;
}

/** An error with a code from {@link errorCodes}, a message for people and, where one exists, the cure. */
export class DreyError extends Error {
  override readonly name = "DreyError";
  /** what can be done about it, in a line, where that is known */
  readonly hint: string | undefined;

  constructor(readonly code: ErrorCode, options: DreyErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.hint = options.hint;
  }

  /** HTTP status of the API's answer */
  get status(): number {
    return errorCodes[this.code].status;
  }
}

/** What failed first, and that undoing it failed as well: the next command tries that again. */
export function alsoFailed(first: unknown, later: unknown): unknown {
  const known = explained(first);
  if (!(known instanceof DreyError)) return new SuppressedError(later, first);
  return new DreyError(known.code, {
    message: `${known.message}; and it could not be undone: ${describeError(later)}`,
    ...(known.hint === undefined ? {} : { hint: known.hint }),
    cause: first,
  });
}

/** What files refuse to take, by Linux's number of the error. */
const refusedWrites: Record<string, { code: ErrorCode; found: string }> = {
  28: { code: "NO_SPACE", found: "the disk is full" },
  30: { code: "KERNEL_REFUSED", found: "its file system is read-only" },
  122: { code: "NO_SPACE", found: "the quota of its file system is used up" },
};

/** What Deno says of a refused system call: its words for the error, the number, and what for where it tells. */
const ofTheSystem = /^(.*?) \(os error (\d+)\)(?:: \S+ '([^']+)')?/;

/** An error of a file system that people can do something about as such; anything else as it is. */
export function explained(error: unknown): unknown {
  // what failed first, and not that undoing it failed as well, often for the same reason
  if (error instanceof SuppressedError) return explained(error.suppressed);
  if (!(error instanceof Error) || error instanceof DreyError) return error;
  const [, , number = "", path] = ofTheSystem.exec(error.message) ?? [];
  const refused = refusedWrites[number];
  if (refused === undefined) return error;
  const what = path === undefined ? "a file" : `"${path}"`;
  return new DreyError(refused.code, { message: `Cannot write ${what}: ${refused.found}`, cause: error });
}

/** The same for whoever named the file: nothing there, or not for them, is no bug of drey's either. */
export function explainedToTypist(error: unknown): unknown {
  const known = explained(error);
  if (!(known instanceof Error) || known instanceof DreyError) return known;
  const [, found, , path] = ofTheSystem.exec(known.message) ?? [];
  if (found === undefined || path === undefined) return known;
  const code = known instanceof Deno.errors.NotFound ? "NOT_FOUND" : "BAD_REQUEST";
  return new DreyError(code, { message: `Cannot use "${path}": ${found}`, cause: known });
}

/** The message of anything thrown, with the hint where there is one; one line. */
export function describeError(thrown: unknown): string {
  const error = explained(thrown);
  if (error instanceof DreyError && error.hint !== undefined) return `${error.message}. ${error.hint}`;
  return error instanceof Error ? error.message : String(error);
}
