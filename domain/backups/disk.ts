// Volumes that are one file, a disk or a disc, in backups: packed with their holes, and unpacked with holes where there
// are only zeros, whoever has packed them.

import { commandFailed, kill, run, spawn } from "../../sys/run.ts";
import { basename, dirname } from "@std/path";
import type { RootTar } from "../instances/root_tar.ts";

/** A file as a tar stream with one entry. */
export function packDisk(path: string, name: string): RootTar {
  // no name of drey's has a #
  const renamed = `--transform=s#.*#${name}#`;
  const owner = ["--owner=0", "--group=0", "--numeric-owner", "--mode=0600"];
  const argv = ["tar", "-C", dirname(path), "--sparse", "--format=posix", ...owner, renamed];
  const child = spawn([...argv, "-cf", "-", "--", basename(path)], {
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const said = new Response(child.stderr).text();
  return {
    stream: child.stdout,
    async finish() {
      const { code } = await child.status;
      if (code !== 0) throw commandFailed("tar", { code, stderr: await said });
    },
    kill: () => kill(child, "SIGKILL"),
  };
}

/** tar's failure is no failure of the pipe, so it is said on the side. */
const unpacking = `tarball=$1 name=$2 to=$3; shift 3
failed=$( { "$@" <"$tarball" | { tar -xOf - -- "$name" || echo tar >&3; } |
  dd of="$to" bs=1M iflag=fullblock conv=sparse,notrunc status=none || echo dd >&3; } 3>&1 )
[ -z "$failed" ]`;

/**
 * Writes one file of a tarball to an empty one.
 *
 * @param tarball `decompress` is the argv that reads the file at `path` as standard input
 * @throws {DreyError} `COMMAND_FAILED`, `NO_SPACE`
 */
export async function unpackDisk(
  { path, decompress }: { path: string; decompress: readonly string[] },
  { name, to }: { name: string; to: string },
): Promise<void> {
  const { code, stderr } = await run(["sh", "-c", unpacking, "sh", path, name, to, ...decompress]);
  if (code !== 0) throw commandFailed("tar", { code, stderr });
}
