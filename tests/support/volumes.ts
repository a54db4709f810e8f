// Pools of every driver for tests, and what is in their volumes: written and listed by a shell that stands on the
// mounted root, as root of its ids.

import { join } from "@std/path";
import type { ContainerPlan } from "../../runtime/container_plan.ts";
import { treeSteps } from "../../runtime/namespaces.ts";
import { startOnTree } from "../../runtime/tree_stream.ts";
import { openParent } from "../../domain/instances/parent.ts";
import { lazyFileRoot } from "../../domain/instances/file_root.ts";
import { openMappedRoot } from "../../idmap/holder.ts";
import { formatMap, type IdMap, parseMap } from "../../idmap/map.ts";
import { readLayout } from "../../idmap/ranges.ts";
import { openStore } from "../../store/sqlite.ts";
import type { Context } from "../../domain/context.ts";
import type { Content, Driver, PoolHost, Volume } from "../../storage/driver.ts";
import { isMountPoint } from "../../storage/device_files.ts";
import { run, runChecked } from "../../sys/run.ts";
import { testDirectory } from "./needs.ts";

export interface TestPool extends AsyncDisposable {
  driver: Driver;
  directory: string;
  /** what a volume that begins with the test's image begins with */
  content: Content;
  /** runs a script of sh in the root of a volume and answers with what it printed */
  inside(volume: Volume, script: string): Promise<string>;
  /** runs tar on a stream in the root of a volume, as root of its ids, in the jail where streams are unpacked */
  untar(volume: Volume, options: { flags: string[]; stream: Uint8Array<ArrayBuffer> }): Promise<string>;
  /** everything that can be told of the files of a volume */
  listing(volume: Volume): Promise<string>;
}

/** Where a btrfs is that this test may use; as root one is mounted for it. */
export async function btrfsDirectory(): Promise<{ path: string; close(): Promise<void> } | undefined> {
  const given = Deno.env.get("DREY_TEST_BTRFS");
  if (given) {
    const path = await Deno.makeTempDir({ dir: given });
    return { path, close: () => Promise.resolve() };
  }
  if (Deno.uid() !== 0) return undefined;
  await Deno.mkdir(testDirectory(), { recursive: true });
  const file = join(testDirectory(), `btrfs-${crypto.randomUUID()}.img`);
  const path = `${file}.mount`;
  await Deno.mkdir(path);
  await runChecked(["truncate", "-s", "400M", file]);
  const made = await run(["mkfs.btrfs", "-q", file]);
  const mounted = made.code === 0
    ? await run(["mount", "-o", "loop,user_subvol_rm_allowed", file, path])
    : made;
  const close = async () => {
    await run(["umount", path]);
    await Deno.remove(path);
    await Deno.remove(file);
  };
  if (mounted.code === 0) return { path, close };
  await close();
  return undefined;
}

/** A pool of logical volumes in a file, which every test finds empty; else why there is none. */
export async function lvmPool(): Promise<
  { skip: string } | { directory(): Promise<string>; close(): Promise<void> }
> {
  const { kind } = await import("../../storage/lvm_pool.ts");
  const skip = await kind.missing();
  if (skip !== undefined) return { skip };
  await Deno.mkdir(testDirectory(), { recursive: true });
  const name = `drey-test-${crypto.randomUUID().slice(0, 8)}`;
  const directory = join(testDirectory(), name);
  const nobody = () => Promise.reject(new Error("a pool as a whole needs no hands"));
  const making = {
    directory,
    imageFile: `${directory}.img`,
    config: { size: "2GiB", "volume.size": "320MiB" },
    uid: 0,
    hands: { run: nobody, output: nobody, own: nobody, isOpen: () => Promise.resolve(false), heir: nobody },
    lock: () => Promise.resolve({ [Symbol.asyncDispose]: () => Promise.resolve() }),
  };
  let config: Record<string, string> | undefined;
  return {
    async directory() {
      config ??= await kind.createPool(making);
      return await kind.openPool({ ...making, config });
    },
    async close() {
      if (config !== undefined) await kind.deletePool({ ...making, config });
    },
  };
}

/** A pool in a directory, which goes with it. */
export async function openTestPool(
  open: (host: PoolHost) => Driver,
  directory: string,
): Promise<TestPool> {
  const state = await Deno.makeTempDir({ dir: testDirectory(), prefix: "s" });
  const context = await openTestContext(state);
  const layout = await readLayout(context.user);
  const map = layout.container;
  const hands = lazyFileRoot(context);
  const images = join(state, "images");
  const rootfs = await makeImage(images, map);
  const host: PoolHost = {
    directory,
    images,
    config: { "volume.size": "320MiB" },
    hands,
    lock: () => context.store.lock(["storage_pool", "test"]),
  };
  const driver = open(host);
  const inside = (volume: Volume, script: string) =>
    runInside(context, driver, { volume, argv: (root) => ["sh", "-ec", `cd "$0"; ${script}`, root] });
  return {
    driver,
    directory,
    content: { map: formatMap(map), image: { id: "tiny", rootfs } },
    inside,
    untar: (volume, { flags, stream }) => {
      const argv = (root: string) => ["tar", "-C", root, "-xf", "-", ...flags];
      return runInside(context, driver, { volume, argv, stream });
    },
    listing: (volume) => inside(volume, lister),
    async [Symbol.asyncDispose]() {
      for (const kind of ["containers", "custom"] as const) {
        for (const name of driver.list(kind)) await driver.remove({ kind, name });
      }
      await driver.forgetImage?.("tiny");
      await hands.run(["rm", "-rf", "--", state]);
      await hands[Symbol.asyncDispose]();
      await context.store[Symbol.asyncDispose]();
      // that of a disk that others use next stays
      if (!isMountPoint(directory)) await Deno.remove(directory, { recursive: true });
    },
  };
}

async function openTestContext(state: string): Promise<Context> {
  const paths = { state, run: join(state, "run"), config: join(state, "config") };
  const uid = Deno.uid() ?? 0;
  const name = Deno.env.get("USER") ?? (uid === 0 ? "root" : String(uid));
  const store = await openStore(paths);
  return {
    store,
    paths,
    user: { uid, gid: Deno.gid() ?? 0, name },
    program: () => [Deno.execPath()],
    now: () => new Date(),
  };
}

/** A little image with something of everything that later layers hide. */
async function makeImage(images: string, map: IdMap): Promise<string> {
  const place = join(images, "tiny");
  await Deno.mkdir(place, { recursive: true });
  await Deno.chmod(place, 0o777);
  await using root = await openMappedRoot(map);
  // no cd: this root may not walk here by the whole path, and a shell would
  const script =
    `r=rootfs; mkdir -p $r/etc/sub $r/var/log $r/root; echo hosts >$r/etc/hosts; echo deep >$r/etc/sub/deep
    echo a >$r/var/a; ln $r/var/a $r/var/b; ln -s ../etc/hosts $r/var/link; chmod 700 $r/root`;
  await runChecked(root.command(["sh", "-ec", script]), { cwd: place });
  await Deno.chmod(place, 0o755);
  return join(place, "rootfs");
}

async function runInside(
  context: Context,
  driver: Driver,
  { volume, argv, stream }: {
    volume: Volume;
    argv: (root: string) => string[];
    stream?: Uint8Array<ArrayBuffer>;
  },
): Promise<string> {
  await using way = new AsyncDisposableStack();
  const { parent } = way.use(await openParent(context, await readLayout(context.user)));
  const plan: ContainerPlan = {
    hostname: "",
    root: volume.snapshot === undefined ? driver.prepare(volume) : driver.root(volume),
    ids: { map: parseMap(driver.facts(volume)?.map ?? "[]"), parent },
    cgroup: undefined,
    init: { argv: [], env: {} },
    deviceNodes: [],
    nesting: false,
  };
  const program = await startOnTree(treeSteps(plan, argv), () => way.disposeAsync());
  const writer = program.input.getWriter();
  if (stream !== undefined) await writer.write(stream);
  await writer.close();
  const text = await new Response(program.output).text();
  await program.finish();
  return text;
}

const numbers = { x86_64: [194, 191], aarch64: [11, 8] }[Deno.build.arch];

/** One line per file: type, mode, owner, size, times, hard links, attributes, content. */
const lister = `perl -e '
use strict;
my ($list, $get) = (${numbers[0]}, ${numbers[1]});
my %seen;
sub attributes { my $path = "$_[0]\\0"; my $names = "\\0" x 4096;
  my $size = syscall($list, $path, $names, 4096);
  return "" if $size <= 0;
  my @found;
  for my $name (sort split /\\0/, substr($names, 0, $size)) {
    my ($key, $value) = ("$name\\0", "\\0" x 4096);
    my $length = syscall($get, $path, $key, $value, 4096);
    push @found, "$name=" . unpack("H*", substr($value, 0, $length < 0 ? 0 : $length));
  }
  return join ",", @found;
}
sub look { my ($path) = @_;
  my @s = lstat $path or die "$path: $!";
  my $type = $s[2] & 0170000;
  my $what = "";
  if ($type == 0120000) { $what = "-> " . readlink $path }
  if ($type == 0100000) {
    $seen{"$s[0] $s[1]"} //= $path;
    open my $in, "<", $path or die "$path: $!"; local $/; my $text = <$in> // "";
    $what = "same as " . $seen{"$s[0] $s[1]"} . " " . length($text) . " " . unpack("%32C*", $text) . " " . ($s[12] * 512 < length($text) ? "sparse" : "");
    $what .= " $s[9]";
  }
  printf "%s %o %d:%d %s [%s]\\n", $path, $s[2], $s[4], $s[5], $what, $type == 0120000 ? "" : attributes($path);
  if ($type == 0040000) { opendir my $dir, $path or die "$path: $!"; look("$path/$_") for sort grep { !/^\\.\\.?$/ } readdir $dir }
}
look(".");
'`;
