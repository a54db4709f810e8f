// Compression of images made here: LXD's words for it, and the programs that do it.

import { DreyError } from "../errors.ts";
import { readerMissing } from "./archive.ts";
import { spawn } from "../sys/run.ts";

const programs: Record<string, string[]> = {
  none: [],
  gzip: ["gzip", "-n", "-c"],
  bzip2: ["bzip2", "-c"],
  xz: ["xz", "-T0", "-c"],
  lzma: ["xz", "--format=lzma", "-c"],
  zstd: ["zstd", "-q", "-T0", "-c"],
};

/**
 * argv that compresses standard input, empty for none.
 *
 * @param wish an algorithm, with a level behind it if that is wanted: `gzip`, `zstd -19`
 * @throws {DreyError} `BAD_REQUEST`
 */
export function compressor(wish: string): string[] {
  const [name = "", ...options] = wish.trim().split(/\s+/);
  const program = Object.hasOwn(programs, name) ? programs[name] : undefined;
  if (
    program !== undefined &&
    options.every((option) => /^-(\d{1,2}|-fast|-best|-ultra|-long|-rsyncable)$/.test(option))
  ) {
    return [...program, ...options];
  }
  throw new DreyError("BAD_REQUEST", {
    message: `Cannot compress by "${wish}"`,
    hint: `There are ${Object.keys(programs).join(", ")}, each with a level such as -9`,
  });
}

/**
 * Content as a compressor gives it back; ends with an error if the content or the compressor does.
 *
 * @param signal ends the compressor too, which may have taken all there is and give nothing for a long time
 * @throws the reason of `signal` if it is aborted
 */
export async function* compressed(
  argv: readonly string[],
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  signal.throwIfAborted();
  if (argv.length === 0) return yield* content;
  const child = spawn(["sh", "-c", 'exec "$@"', "sh", ...argv], {
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
    signal,
  });
  const feeding = feed(child.stdin, content);
  feeding.catch(() => {}); // told below, once the output has ended with it
  yield* child.stdout;
  const { code } = await child.status;
  signal.throwIfAborted();
  if (code === 127) throw readerMissing(argv[0] ?? "");
  await feeding;
  if (code !== 0) throw new DreyError("COMMAND_FAILED", { message: `${argv[0]} ended with status ${code}` });
}

async function feed(stdin: WritableStream<Uint8Array>, content: AsyncIterable<Uint8Array>): Promise<void> {
  const writer = stdin.getWriter();
  try {
    for await (const chunk of content) await writer.write(chunk);
    await writer.close();
  } catch (error) {
    await writer.abort(error).catch(() => {}); // it may have ended already
    throw error;
  }
}
