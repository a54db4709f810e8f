// Small files that lie beside the disk of a virtual machine, in the root that both share: read and written in a jail that
// shows that root and nothing else, while the machine does not run.

import { DreyError } from "../../errors.ts";
import type { Driver, Volume } from "../../storage/driver.ts";
import type { Context } from "../context.ts";
import { feed, startOnVolume } from "../instances/root_tar.ts";

/** `bytes` of such a file at most */
const besideLimit = 64 * 1024 * 1024;

interface Place {
  driver: Driver;
  volume: Volume;
}

const reading = `cd "$1"; [ -f "$2" ] && [ ! -h "$2" ] || exit 0; exec cat -- "$2"`;

/** A file, whole; undefined if it is not there. @throws {DreyError} `COMMAND_FAILED` */
export async function readBeside(
  context: Context,
  { driver, volume }: Place,
  name: string,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const argv = (root: string) => ["sh", "-ec", reading, "sh", root, name];
  const program = await startOnVolume(context, driver, { volume, argv });
  await program.input.close();
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for await (const piece of program.output) {
    pieces.push(piece);
    size += piece.length;
    if (size > besideLimit) program.kill();
  }
  if (size > besideLimit) throw new DreyError("TOO_LARGE", { message: `The file "${name}" is too large` });
  await program.finish();
  return size === 0 ? undefined : new Uint8Array(await new Blob(pieces).arrayBuffer());
}

const writing = `cd "$1"
case "$2" in */*) mkdir -p -m 0700 -- "\${2%/*}" ;; esac
cat >"$2.new"
chmod 0600 "$2.new"
sync "$2.new"
mv -- "$2.new" "$2"`;

/** Writes a file, which appears whole under its name; it may lie in a directory. @throws {DreyError} `COMMAND_FAILED`, `NO_SPACE` */
export async function writeBeside(
  context: Context,
  { driver, volume }: Place,
  { name, bytes }: { name: string; bytes: Uint8Array<ArrayBuffer> },
): Promise<void> {
  const argv = (root: string) => ["sh", "-ec", writing, "sh", root, name];
  await feed(await startOnVolume(context, driver, { volume, argv }), new Blob([bytes]).stream());
}
