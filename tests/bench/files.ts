// `deno task bench:files`: trees of small files pushed into an instance at rest and pulled out of it, against `cp -a` of
// the same tree on the same disk, in turns in one run, as an ordinary user; and against `cp -a` into an overlay, which is
// what the root of an instance is. What was written goes to the disk between the rounds, outside the time that counts: a
// round writes 2.5 GB. `--rounds=N`, `--files=N`, `--size=BYTES`, `--directory=DIR`.

import { parseArgs } from "@std/cli";
import { join } from "@std/path";
import { runChecked } from "../../sys/run.ts";
import { imageFiles } from "../support/drey.ts";
import { testDirectory } from "../support/needs.ts";
import { bundle } from "../support/package.ts";
import { compare, type Cost, measure } from "./measure.ts";

const options = parseArgs(Deno.args, {
  string: ["rounds", "files", "size", "directory"],
  default: { rounds: "3", files: "10000", size: "50000", directory: join(testDirectory(), "bench_files") },
});
const directory = String(options.directory);
const source = join(directory, "src");

/** A hundred files in a directory, of bytes that no file system can leave out. */
async function makeSource(): Promise<void> {
  const bytes = new Uint8Array(Number(options.size));
  for (let at = 0; at < bytes.length; at += 65536) crypto.getRandomValues(bytes.subarray(at, at + 65536));
  for (let file = 0; file < Number(options.files); file++) {
    const place = join(source, `d${Math.floor(file / 100)}`);
    if (file % 100 === 0) await Deno.mkdir(place, { recursive: true });
    Deno.writeFileSync(join(place, `f${file}`), bytes);
  }
}

const env = { DREY_DIR: join(directory, "drey") };
await runChecked([
  "rm",
  "-rf",
  "--",
  ...["src", "copy", "back", "overlay"].map((name) => join(directory, name)),
]);
await Deno.mkdir(directory, { recursive: true });
const built = await bundle(join(directory, "drey.js"));
if ("problem" in built) throw new Error(built.problem);
const drey = ["deno", "run", "-A", "--quiet", "--no-config", "--no-lock", built.path];
const clear = async () => {
  await measure([...drey, "delete", "-f", "bench"], env).catch(() => {}); // of an earlier run
};
await clear();
const [metadata = "", rootfs = ""] = await imageFiles("tiny");
const files = rootfs === "" ? [metadata] : [metadata, rootfs];
await measure([...drey, "image", "import", ...files, "--alias", "bench"], env).catch(() => {}); // is there already
await measure([...drey, "init", "bench", "bench"], env);
await makeSource();

const copy = join(directory, "copy");
const back = join(directory, "back");
const rm = (path: string) => runChecked(["rm", "-rf", "--", path]);
const overlay = join(directory, "overlay");
const intoOverlay = `mkdir -p "$0/lower" "$0/upper" "$0/work" "$0/root"
mount -t overlay -o "lowerdir=$0/lower,upperdir=$0/upper,workdir=$0/work,userxattr" overlay "$0/root"
exec cp -a "$1" "$0/root/"`;
const costs: Record<"copied" | "copiedInto" | "pushed" | "copiedBack" | "pulled", Cost[]> = {
  copied: [],
  copiedInto: [],
  pushed: [],
  copiedBack: [],
  pulled: [],
};
for (let round = 0; round <= Number(options.rounds); round++) {
  // the first round only lets Deno cache what it has compiled
  if (round === 1) { for (const list of Object.values(costs)) list.length = 0; }
  const measured = async (list: Cost[], argv: readonly string[]) => {
    await runChecked(["sync", "-f", directory]);
    list.push(await measure(argv, env));
  };
  await measured(costs.copied, ["cp", "-a", source, copy]);
  const inNamespace = ["unshare", "--user", "--mount", "--map-root-user", "sh", "-ec", intoOverlay];
  await measured(costs.copiedInto, [...inNamespace, overlay, source]);
  await rm(overlay);
  await measured(costs.pushed, [...drey, "file", "push", "-r", source, "bench/root/"]);
  await measured(costs.copiedBack, ["cp", "-a", copy, back]);
  await rm(back);
  await Deno.mkdir(back);
  await measured(costs.pulled, [...drey, "file", "pull", "-r", "bench/root/src", back]);
  await rm(back);
  await rm(copy);
  await measure([...drey, "delete", "bench"], env);
  await measure([...drey, "init", "bench", "bench"], env);
}
const told = `${options.files} files of ${options.size} bytes`;
const line = (ours: Cost[], theirs: Cost[]) =>
  `${compare("wall", ours, theirs)}; processor ${compare("processor", ours, theirs)}`;
console.log(`push of ${told} against cp -a: ${line(costs.pushed, costs.copied)}`);
console.log(`the same push against cp -a into an overlay: ${line(costs.pushed, costs.copiedInto)}`);
console.log(`pull of the same against cp -a: ${line(costs.pulled, costs.copiedBack)}`);
await clear();
await rm(source);
