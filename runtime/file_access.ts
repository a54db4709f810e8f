// One request about one file of a container: a process that stands inside for as long as it takes. Paths are the
// container's own and are resolved by the kernel there, so they may come from anybody.

import { concat } from "@std/bytes";
import { sealDescriptors, withStdin } from "../sys/descriptors.ts";
import { DreyError } from "../errors.ts";
import { beginningOf } from "../sys/bounded_text.ts";
import { fullPath, kill, spawn } from "../sys/run.ts";
import { fileError, whyEnded } from "./file_errors.ts";
import { fileServer } from "./file_server.pl.ts";
import { treeHands } from "./tree_server.pl.ts";
import { inGuest } from "./vm/door.pl.ts";
import { formatSteps } from "./step_words.ts";
import type { Step } from "./steps.ts";

/** What is set of a file; -1 leaves it to the kernel. Ids are the container's. */
export interface FileOwner {
  uid: number;
  gid: number;
  mode: number;
}

export type FileRequest =
  | { do: "get" | "head" | "delete"; path: string }
  /** a whole directory as one stream, see tree_server.pl.ts */
  | { do: "get-tree" | "put-tree"; path: string }
  /** what a path is to who would go there by another way, see `parsePlace()`; a guest looks at its mounts too */
  | { do: "place"; path: string; in: "guest" | "box" }
  /** `modify` names what of the owner is also set on something that exists */
  | ({ do: "file"; path: string; write: "overwrite" | "append"; modify: readonly string[] } & FileOwner)
  | ({ do: "directory"; path: string; modify: readonly string[] } & FileOwner)
  | ({ do: "symlink"; path: string; target: string } & FileOwner);

export interface FileStat extends FileOwner {
  type: "file" | "directory" | "symlink";
  /** seconds since 1970 */
  modified: number;
  /** bytes of content */
  size: number;
}

export interface FileAnswer {
  /** present for `get` and `head` */
  stat?: FileStat;
  /** bytes of a file, target of a symlink, names in a directory with NUL between */
  content: ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** A directory that is there, or one where a new entry would be, in the file system that is the root. */
export interface Place {
  kind: "new" | "directory";
  /** number of the directory */
  inode: string;
}

/** @returns undefined for anything else, such as a directory with mounts below it */
export function parsePlace(content: string): Place | undefined {
  const [kind, inode] = content.split(" ");
  return (kind === "new" || kind === "directory") && inode !== undefined ? { kind, inode } : undefined;
}

export interface FileServing {
  /** how to get inside */
  steps: readonly Step[];
  /** the door of a virtual machine's keeper: the steps are taken in its guest */
  door?: string;
  /** called once the process stands inside and needs nothing of the outside any more */
  onInside?(): Promise<void>;
  /** content to write */
  body?: ReadableStream<Uint8Array>;
  /** an end of a pipe that a tree comes from or goes to, instead of the body or the content; stays the caller's */
  pipe?: number;
}

/**
 * Serves one request.
 *
 * @throws {DreyError} `NOT_FOUND`, `FORBIDDEN`, `NO_SPACE`, `BAD_REQUEST` for what the path is not; `KERNEL_REFUSED`
 */
export async function serveFile(request: FileRequest, serving: FileServing): Promise<FileAnswer> {
  sealDescriptors();
  const { door, pipe } = serving;
  // what stands for a program in a guest reads its standard input, and only that
  const isPoured = pipe !== undefined && door !== undefined && request.do === "get-tree";
  const asStdin = isPoured ? undefined : pipe;
  const steps: Step[] = [...serving.steps, { do: "file", request: words(request, asStdin) }];
  const more = request.do === "get-tree" || request.do === "put-tree" ? treeHands : "";
  const argv = ["/usr/bin/perl", "-e", fileServer(steps, more), formatSteps(steps)];
  const child = start(door === undefined ? argv : inGuest(door, argv), asStdin);
  const said = beginningOf(child.stderr);
  const lines = new LineReader(child.stdout);
  try {
    const ready = await lines.next();
    await serving.onInside?.();
    if (ready !== "ready") throw await whyEnded(child, said);
    // together: a client that goes away while it sends must be noticed while the answer is awaited
    const fed = asStdin === undefined ? feed(child, serving.body) : undefined;
    const [line] = await Promise.all([lines.next(), fed]);
    if (line === undefined) throw await whyEnded(child, said);
    const [verdict, ...told] = line.split("\t").map(unescapeWord);
    if (verdict !== "ok") throw fileError(request.path, Number(told[0]), told[1] ?? "");
    const stat = told.length > 0 ? toStat(told) : undefined;
    // names and targets are read at once
    if (
      stat !== undefined && stat.type !== "file" && stat.size > longestListing && request.do !== "get-tree"
    ) {
      throw noEnd();
    }
    // trees, and files of /proc, tell no size
    const isEndless = request.do === "get-tree" || stat?.type === "file" && stat.size === 0;
    const rest = lines.rest(isEndless ? Infinity : stat?.size ?? 0, () => kill(child, "SIGKILL"));
    const content = isPoured ? poured(rest, pipe) : rest;
    return { ...(stat === undefined ? {} : { stat }), content };
  } catch (error) {
    kill(child, "SIGKILL");
    // its pipes would stay open until somebody collects garbage
    await Promise.allSettled([lines.cancel(), asStdin === undefined ? child.stdin.abort() : undefined]);
    throw error;
  }
}

function start(argv: readonly string[], stdin: number | undefined): Deno.ChildProcess {
  const starting = () =>
    spawn(argv, {
      env: { PATH: fullPath() },
      clearEnv: true,
      stdin: stdin === undefined ? "piped" : "inherit",
      stdout: "piped",
      stderr: "piped",
    });
  return stdin === undefined ? starting() : withStdin(stdin, starting);
}

/** Content that goes into a pipe when it is read, and so comes out empty. */
function poured(content: ReadableStream<Uint8Array>, pipe: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    async pull(control) {
      using file = await Deno.open(`/proc/self/fd/${pipe}`, { write: true });
      for await (const chunk of content) {
        for (let done = 0; done < chunk.length;) done += await file.write(chunk.subarray(done));
      }
      control.close();
    },
  }, { highWaterMark: 0 });
}

/** @param pipe whether a tree goes to the standard input, which is a pipe's other end then */
function words(request: FileRequest, pipe: number | undefined): string[] {
  const mine = (owner: FileOwner) => [owner.uid, owner.gid, owner.mode].map(String);
  switch (request.do) {
    case "get":
    case "head":
      return ["get", request.path, request.do];
    case "delete":
    case "put-tree":
      return [request.do, request.path];
    case "place":
      return ["place", request.path, request.in];
    case "get-tree":
      return [request.do, request.path, pipe === undefined ? "" : "pipe"];
    case "file":
      return ["file", request.path, request.write, ...mine(request), request.modify.join(",")];
    case "directory":
      return ["directory", request.path, "", ...mine(request), request.modify.join(",")];
    case "symlink":
      return ["symlink", request.path, "", ...mine(request), "", request.target];
  }
}

function toStat([type, uid, gid, mode, modified, size]: string[]): FileStat {
  return {
    type: type as FileStat["type"],
    uid: Number(uid),
    gid: Number(gid),
    mode: Number(mode),
    modified: Number(modified),
    size: Number(size),
  };
}

const unescapeWord = (word: string) =>
  word.replace(/%([0-9a-f]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));

/** Sends the content; a process that refused it has ended, and says why on its output. */
async function feed(child: Deno.ChildProcess, body: ReadableStream<Uint8Array> | undefined): Promise<void> {
  if (body === undefined) return await child.stdin.close();
  const writer = child.stdin.getWriter();
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (!await taken(writer.write(value))) return await reader.cancel();
    }
    await taken(writer.close());
  } finally {
    reader.releaseLock();
    writer.releaseLock();
  }
}

async function taken(writing: Promise<void>): Promise<boolean> {
  try {
    await writing;
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return false;
    throw error;
  }
}

/** `bytes` of a line */
const longestLine = 65_536;
/** `bytes` of the names in a directory */
const longestListing = 256 * 1024 * 1024;

const noEnd = () => new DreyError("TOO_LARGE", { message: "The instance's answer has no end" });

/** Lines at the head of a stream, and what follows them. */
class LineReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  #held = new Uint8Array();

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.#reader = stream.getReader();
  }

  async next(): Promise<string | undefined> {
    for (;;) {
      // in a guest, its root may be who answers
      if (this.#held.length > longestLine && !this.#held.subarray(0, longestLine).includes(10)) {
        throw noEnd();
      }
      const end = this.#held.indexOf(10);
      if (end >= 0) {
        const line = new TextDecoder().decode(this.#held.subarray(0, end));
        this.#held = this.#held.slice(end + 1);
        return line;
      }
      const { done, value } = await this.#reader.read();
      if (done) return undefined;
      this.#held = concat([this.#held, value]);
    }
  }

  async cancel(): Promise<void> {
    await this.#reader.cancel();
  }

  /** At most `size` bytes; a file that grows while it is read is cut where it ended at first. */
  rest(size: number, close: () => void): ReadableStream<Uint8Array<ArrayBuffer>> {
    const reader = this.#reader;
    let held = this.#held;
    let left = size;
    const finish = async (control: ReadableStreamDefaultController) => {
      close();
      await reader.cancel();
      control.close();
    };
    return new ReadableStream({
      async pull(control) {
        if (left <= 0) return await finish(control);
        const next = held.length > 0 ? { done: false as const, value: held } : await reader.read();
        held = new Uint8Array();
        if (next.done || next.value === undefined) return await finish(control);
        const chunk = next.value.subarray(0, Math.min(left, next.value.length));
        left -= chunk.length;
        control.enqueue(chunk);
      },
      async cancel() {
        close();
        await reader.cancel();
      },
    }, { highWaterMark: 0 });
  }
}
