// Layers of OCI images: tarballs that add to what is below them, and take away from it by whiteouts. Unpacked once into
// the form overlayfs knows: a character device 0/0 hides a name, an attribute hides what a directory had below.

import { openMappedRoot } from "../idmap/holder.ts";
import { isSingle } from "../idmap/map.ts";
import { commandFailed, run } from "../sys/run.ts";
import { detectFormat, invalid, readFormat } from "./archive.ts";
import { type Bytes, peek } from "./decompress.ts";
import { entryCheck, plainName } from "./entries.ts";
import { untar, type Visit } from "./gate.ts";
import { jailed } from "./jail.ts";
import { partialName } from "../sys/partial.ts";
import { eachEntry } from "./scan.ts";
import type { Work } from "./tar_program.ts";
import { removeTrees } from "./remove_trees.ts";
import type { Place } from "./unpack.ts";

const opaqueMark = ".wh..wh..opq";
const prefix = ".wh.";

/** A layer unpacked beside its place; gone when it is disposed before it was put there. */
export interface UnpackedLayer extends AsyncDisposable {
  put(target: string): Promise<void>;
}

/**
 * Unpacks a layer, whose files will be in `fs` of its directory.
 *
 * @param target directory it is to become; its parent must exist and be closed to others
 * @throws {DreyError} `IMAGE_INVALID` if an entry would lead out of the tree, `NO_SPACE`
 */
export async function unpackLayer(
  content: Bytes,
  { target, map, account }: Place,
): Promise<UnpackedLayer> {
  await using undo = new AsyncDisposableStack();
  const { head, whole } = await peek(content);
  const format = detectFormat(head);
  if (format?.kind !== "tar") throw invalid("a layer of it is no tarball");
  const partial = partialName(target);
  await Deno.mkdir(partial);
  undo.defer(() => removeTrees([partial], account));
  // root of the map must be able to write here, and is somebody else; the parent keeps all others out
  await Deno.chmod(partial, 0o777);
  await using mapped = await openMappedRoot(map);
  const work: Work = { directory: partial, mapped, isSingle: isSingle(map) };
  const { visit, whiteouts } = layerCheck();
  await untar(work, whole, { compression: format.compression, into: "fs", visit });
  if (whiteouts.size > 0) await convert(work, [...whiteouts]);
  await Deno.chmod(partial, 0o755);
  const kept = undo.move();
  return {
    async put(place) {
      await Deno.rename(partial, place);
      kept.move();
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Looks through a layer, and notes the names of its whiteouts, one character per byte. */
function layerCheck(): { visit: Visit; whiteouts: Set<string> } {
  const check = entryCheck("");
  const whiteouts = new Set<string>();
  return {
    whiteouts,
    visit(entry) {
      check(entry);
      const name = plainName(entry.name);
      const base = name.split("/").at(-1) ?? "";
      if (!base.startsWith(prefix)) return;
      const hidden = base.slice(prefix.length);
      if (base !== opaqueMark && ["", ".", ".."].includes(hidden)) {
        throw invalid("it hides a name that is none");
      }
      whiteouts.add(name);
    },
  };
}

/**
 * Reads a layer from end to end.
 *
 * @throws {DreyError} `IMAGE_INVALID` if an entry would lead out of the tree
 */
export async function scanLayer(blob: string): Promise<void> {
  const format = await readFormat(blob);
  if (format.kind !== "tar") throw invalid("a layer of it is no tarball");
  await eachEntry(blob, format.compression, layerCheck().visit);
}

/** Each line is the name of a whiteout in hexadecimal. A name that the layer has itself was only cleared of old content. */
const converter = String.raw`
use strict;
my ($setxattr, $mknodat) = @ARGV;
sub opaque { my ($dir) = @_; my ($name, $value) = ('user.overlay.opaque', 'y');
  syscall($setxattr + 0, $dir, $name, $value, 1, 0) == 0 or die "setxattr(2) of an opaque directory: $!\n" }
for my $line (<STDIN>) {
  chomp $line;
  my $path = '/unpack/fs/' . pack('H*', $line);
  my ($dir, $base) = $path =~ m{^(.*)/\.wh\.(.*)$}s or die "no whiteout\n";
  unlink $path;
  if ($base eq '.wh..opq') { opaque($dir); next }
  my $hidden = "$dir/$base";
  if (-d $hidden and !-l $hidden) { opaque($hidden); next }
  next if -e $hidden or -l $hidden;
  # mknod(2) with S_IFCHR and device 0/0: anybody may make this one
  syscall($mknodat + 0, -100, $hidden, 0020000, 0) == 0 or die "mknod(2) of a whiteout: $!\n";
}`;

/** Numbers of setxattr(2) and mknodat(2). */
const calls = { x86_64: [188, 259], aarch64: [5, 33] } as const;

async function convert(work: Work, whiteouts: readonly string[]): Promise<void> {
  const [setxattr, mknodat] = calls[Deno.build.arch];
  const hex = (name: string) => [...name].map((c) => c.charCodeAt(0).toString(16).padStart(2, "0")).join("");
  const stdin = whiteouts.map((name) => `${hex(name)}\n`).join("");
  // from a file: with -e perl opens /dev/null, which the jail has not
  const script = `${work.directory}/convert.pl`;
  await Deno.writeTextFile(script, converter);
  await Deno.chmod(script, 0o644);
  const argv = ["perl", "/unpack/convert.pl", String(setxattr), String(mknodat)];
  const result = await run(jailed(work.mapped, argv), { cwd: work.directory, stdin });
  if (result.code !== 0) throw commandFailed("perl", result);
  await Deno.remove(script);
}
