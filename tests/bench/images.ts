// `deno task bench:images`: imports of images against the bare programs that unpack them, in pairs, as an ordinary user:
// a Debian root file system as a tarball against tar, as a squashfs against unsquashfs, both in a user namespace. An
// import ends with an image that the next launch need not unpack. `--rounds=N`, `--directory=DIR`.
//
// Nothing is removed before the end: ext4 gives no inode out again for minutes after it was freed, looks for others past
// all of those, and a tree takes ten times as long. Each side begins with a disk that has nothing left to write, and
// goes first in every other round. What counts is the middle of the rounds' ratios.

import { parseArgs } from "@std/cli";
import { join } from "@std/path";
import { runChecked } from "../../sys/run.ts";
import { imageFiles } from "../support/drey.ts";
import { testDirectory } from "../support/needs.ts";
import { bundle } from "../support/package.ts";
import { type Cost, measure } from "./measure.ts";

const options = parseArgs(Deno.args, {
  string: ["rounds", "directory"],
  default: { rounds: "7", directory: join(testDirectory(), "bench_images") },
});
const directory = String(options.directory);

const inside = ["unshare", "-U", "--map-auto", "--map-root-user"];
const sh = (script: string) => runChecked(["sh", "-ec", script], { cwd: directory });
const clear = () => runChecked([...inside, "rm", "-rf", "--", directory]);

await clear();
await Deno.mkdir(directory, { recursive: true });
const [metadata = "", rootfs = ""] = await imageFiles("debian");
await sh(
  `zstd -qdc '${rootfs}' >root.tar 2>/dev/null || gzip -dc '${rootfs}' >root.tar; cp '${metadata}' meta`,
);
await runChecked([...inside, "sh", "-ec", "mkdir t; tar -xpf root.tar -C t --exclude='./dev/*'"], {
  cwd: directory,
});
await runChecked([...inside, "mksquashfs", "t", "root.squashfs", "-comp", "zstd", "-quiet", "-no-progress"], {
  cwd: directory,
});
const tree = Number((await runChecked([...inside, "du", "-sB1", `${directory}/t`])).split("\t")[0]);
await runChecked([...inside, "rm", "-rf", `${directory}/t`]);
const built = await bundle(join(directory, "drey.js"));
if ("problem" in built) throw new Error(built.problem);

const drey = [built.path];
const tarFlags = "--numeric-owner --xattrs '--xattrs-include=*' --acls '--exclude=./dev/*'";
const rivals: Record<string, string> = {
  "root.tar": `mkdir t; tar -xpf ../root.tar -C t ${tarFlags}`,
  "root.squashfs": "unsquashfs -n -q -d t ../root.squashfs",
};

const middle = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
const mib = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;
const rounds = Number(options.rounds);

/** What one side costs, on a disk that has nothing left to write. */
async function settled(argv: readonly string[], env?: Record<string, string>): Promise<Cost> {
  await runChecked(["sync", "-f", directory]);
  return await measure(argv, env);
}

const onDisk = async (path: string) =>
  Number((await runChecked([...inside, "du", "-sB1", path])).split("\t")[0]);

for (const [file, script] of Object.entries(rivals)) {
  const pairs: { ours: Cost; theirs: Cost }[] = [];
  let [disk, first] = [0, 0];
  // the first round only lets Deno cache what it has compiled
  for (let round = 0; round <= rounds; round++) {
    const place = `${directory}/${file}-${round}`;
    await Deno.mkdir(place);
    const env = { DREY_DIR: `${place}/drey` };
    // a drey that is there already, as the rival's disk is
    await runChecked([...drey, "image", "list"], { env: { ...Deno.env.toObject(), ...env } });
    const words = ["image", "import", `${directory}/meta`, `${directory}/${file}`, "--alias", "bench"];
    const run = () => settled([...drey, ...words], env);
    const rival = () => settled([...inside, "sh", "-ec", `cd '${place}'; ${script}`]);
    const early = round % 2 === 0 ? await run() : undefined;
    const theirs = await rival();
    const ours = early ?? await run();
    disk = await onDisk(env.DREY_DIR);
    if (round === 0) first = ours.memory;
    else pairs.push({ ours, theirs });
  }
  const { size } = await Deno.stat(`${directory}/${file}`);
  const compare = (key: "wall" | "processor") => {
    const side = (of: "ours" | "theirs") => Math.round(middle(pairs.map((pair) => pair[of][key])));
    const ratios = pairs.map(({ ours, theirs }) => ours[key] / theirs[key]);
    const range = [Math.min(...ratios), Math.max(...ratios)].map((ratio) => ratio.toFixed(2)).join(" to ");
    return `${side("ours")} against ${side("theirs")} ms, ${middle(ratios).toFixed(2)} (${range})`;
  };
  console.log(
    `${file} (${mib(size)}), ${rounds} rounds: ${compare("wall")}; processor ${compare("processor")}`,
  );
  const peak = mib(Math.max(...pairs.map(({ ours }) => ours.memory)));
  console.log(
    `  drey's memory ${peak}, ${mib(first)} ${
      file === "root.tar" ? "as the bundle's first command" : "at first"
    }; ` +
      `on disk ${mib(disk)}, of which ${mib(size + tree)} are file and tree`,
  );
}
await clear();
