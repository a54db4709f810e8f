// Tarballs on their way to the tar that unpacks them, in one pass: decompressed, and each entry looked at before its
// first byte is let through. tar works in the jail; the gate says what is wrong before tar could do it.

import type { MappedRoot } from "../idmap/holder.ts";
import { commandFailed, spawn } from "../sys/run.ts";
import { type Compression, invalid } from "./archive.ts";
import { type Bytes, decompress } from "./decompress.ts";
import { jailed } from "./jail.ts";
import { readTar, type TarEntry } from "./tar.ts";

/** Where an image is unpacked, and as whom. */
export interface Work {
  directory: string;
  mapped: MappedRoot;
  isSingle: boolean;
}

/** Looks at an entry and throws at what must not be; `read` gives the content of a small file. */
export type Visit = (entry: TarEntry, read: () => Promise<Uint8Array>) => void | Promise<void>;

/**
 * Walks a compressed tarball.
 *
 * @throws {DreyError} `IMAGE_INVALID`, and whatever `visit` throws
 */
export async function walkTar(packed: Bytes, compression: Compression, visit: Visit): Promise<void> {
  await using plain = decompress(packed, compression);
  try {
    for await (const { entry, read } of readTar(plain.bytes)) await visit(entry, read);
  } catch (error) {
    throw await plain.blame(error);
  }
  await plain.finish();
}

/**
 * Extracts a tarball into a new directory.
 *
 * @throws {DreyError} `IMAGE_INVALID`, `NO_SPACE`, and whatever `visit` throws
 */
export async function untar(
  work: Work,
  packed: Bytes,
  { compression, into, visit, after = "" }: {
    compression: Compression;
    into: string;
    visit: Visit;
    /** a little shell that follows in the same jail, in the work directory */
    after?: string;
  },
): Promise<void> {
  await using plain = decompress(packed, compression);
  await using tar = startTar(work, into, after);
  try {
    for await (const { entry, read } of readTar(past(plain.bytes, tar))) await visit(entry, read);
  } catch (error) {
    if (error instanceof TarEnded) return await tar.finish();
    throw await plain.blame(error);
  }
  await plain.finish();
  await tar.finish();
}

/** Hands on each chunk once the reader asks for the next: all entries that begin in it have been looked at then. */
async function* past(chunks: Bytes, tar: Tar): Bytes {
  for await (const chunk of chunks) {
    yield chunk;
    await tar.write(chunk);
  }
}

interface Tar extends AsyncDisposable {
  /** @throws {TarEnded} */
  write(chunk: Uint8Array): Promise<void>;
  /** waits for its end. @throws {DreyError} `IMAGE_INVALID`, `NO_SPACE` */
  finish(): Promise<void>;
}

/** tar would take nothing more, and says itself why. */
class TarEnded extends Error {}

/** Widens the pipe to a megabyte, F_SETPIPE_SZ of fcntl(2), so that tar has something to do while drey looks. */
const widened = ["perl", "-e", "fcntl(STDIN, 1031, 1 << 20); exec { $ARGV[0] } @ARGV"];
const start = 'cd /unpack; mkdir -m 755 "$1"; shift; "$@"';

function startTar(work: Work, into: string, after: string): Tar {
  const unpacker = jailed(work.mapped, [
    "sh",
    "-ec",
    `${start}\n${after}`,
    "sh",
    into,
    ...tarArgv(work, into),
  ]);
  const child = spawn([...widened, ...unpacker], {
    cwd: work.directory,
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  });
  const said = new Response(child.stderr).text();
  const writer = child.stdin.getWriter();
  let isDone = false;
  const close = () => writer.close().catch(() => {}); // it may have ended already, and says so by its status
  return {
    async write(chunk) {
      try {
        await writer.write(chunk);
      } catch (error) {
        throw new TarEnded("tar has ended", { cause: error });
      }
    },
    async finish() {
      isDone = true;
      await close();
      const [{ code }, stderr] = await Promise.all([child.status, said]);
      if (code === 0) return;
      if (/No space left on device|Disk quota exceeded/.test(stderr)) {
        throw commandFailed("tar", { code, stderr });
      }
      throw invalid(`tar said: ${reason(stderr)}`);
    },
    async [Symbol.asyncDispose]() {
      if (isDone) return;
      // an archive that ends in the middle ends tar
      await close();
      await Promise.all([child.status, said]);
    },
  };
}

/** A container gets its own /dev, and devices could not be made. Modes come with -p. */
function tarArgv({ isSingle }: Work, into: string): string[] {
  const excluded = ["dev/*", "rootfs/dev/*"].flatMap((name) => [`--exclude=${name}`, `--exclude=./${name}`]);
  const owner = isSingle ? "--no-same-owner" : "--same-owner";
  return [
    ...["tar", "-x", "-f", "-", "-C", into, "-p", owner, "--numeric-owner", "--anchored", ...excluded],
    ...["--xattrs", "--xattrs-include=*", "--acls", "--warning=no-timestamp"],
  ];
}

/** The first complaint that says what happened; what follows only says that something did. */
function reason(stderr: string): string {
  const lines = stderr.trim().split("\n").filter((line) => line !== "");
  return lines.find((line) => !/Exiting with failure|timestamp/.test(line)) ?? "nothing";
}
