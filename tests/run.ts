// `deno task test`: the whole suite. An ordinary user runs it as it is. Root first installs what is missing, makes
// an unprivileged user with a cgroup of its own, and runs the suite as that user and, at the same time, the end-to-end
// tests as root: most of what they do is wait. The user's are of the bundle, root's of the sources: what people run.

import { join } from "@std/path";
import { installPackages } from "../domain/host_packages.ts";
import { runChecked } from "../sys/run.ts";
import { endEarlierRuns } from "./support/earlier_runs.ts";
import { testDirectory } from "./support/needs.ts";
import { closingLine, runSuite, sum, type Tally } from "./support/suite.ts";
import { delegateCgroup } from "./support/test_cgroup.ts";
import { openTestDisks } from "./support/test_disks.ts";
import { bundleFor } from "./support/test_program.ts";
import { prepareTestUser } from "./support/test_user.ts";

const root = join(import.meta.dirname!, "..");
const endToEnd = "tests/e2e";

/** Debian packages of the whole suite: what drey needs, and what only tests do. */
const packages = [
  "busybox",
  "bzip2",
  "ca-certificates",
  "debian-archive-keyring",
  "dnsmasq-base",
  "iproute2",
  "mmdebstrap",
  "nftables",
  "passwd",
  "perl-base",
  "procps",
  "rsync",
  "slirp4netns",
  "socat",
  "squashfs-tools",
  "tar",
  "uidmap",
  "util-linux",
  "xz-utils",
  "zstd",
];

/** What tests are skipped without; Ubuntu has LXD's client as a snap only. */
const machinePackages = Deno.build.arch === "x86_64"
  ? ["qemu-system-x86", "qemu-utils", "ovmf", "systemd-boot-efi"]
  : ["qemu-system-arm", "qemu-utils"];
const optionalPackages = ["lxd-client", "btrfs-progs", "e2fsprogs", "kmod", "xdelta3", ...machinePackages];

/** Paths named on the command line instead of everything. */
const paths = Deno.args.length > 0 ? Deno.args : ["."];

async function asRoot(): Promise<Tally[]> {
  await installMissingPackages();
  const user = await prepareTestUser(root);
  await endEarlierRuns(testDirectory());
  await forgetImages(user.env["DREY_TEST_DIR"]);
  await forgetImages();
  const rootPaths = Deno.args.length > 0 ? Deno.args.filter((path) => path.startsWith(endToEnd)) : [endToEnd];
  const program = Deno.env.has("DREY_TEST_BUNDLE") ? await bundleFor(user) : {};
  console.log(`\nThe suite as ${user.name} (${user.tree}), and the end-to-end tests as root`);
  await using disks = await openTestDisks(user);
  const wholeAsUser = async () => {
    await using cgroup = await delegateCgroup(user.name);
    const deno = user.command(["deno"]);
    return await runSuite({
      deno: cgroup === undefined ? deno : cgroup.command(deno),
      paths,
      cwd: user.tree,
      env: { ...user.env, ...disks.env, ...program },
    });
  };
  const endToEndAsRoot = () => runSuite({ deno: [Deno.execPath()], paths: rootPaths, cwd: root });
  return await Promise.all([wholeAsUser(), ...(rootPaths.length > 0 ? [endToEndAsRoot()] : [])]);
}

/** apt-get would take a second even with nothing to do. */
async function installMissingPackages(): Promise<void> {
  const wanted = [...packages, ...optionalPackages];
  const query = ["dpkg-query", "--show", "--showformat=${db:Status-Status} ${Package}\\n", ...wanted];
  const known = await runChecked(["sh", "-c", '"$@" 2>/dev/null || true', "query", ...query]);
  const installed = known.split("\n").filter((line) => line.startsWith("installed ")).map((line) =>
    line.slice("installed ".length)
  );
  const lacking = (names: readonly string[]) => names.filter((name) => !installed.includes(name));
  const missing = lacking(packages);
  if (missing.length > 0) await installPackages(missing, console.log);
  for (const name of lacking(optionalPackages)) {
    await installPackages([name], console.log).catch((error) => {
      console.log(`Without ${name}, some tests are skipped: ${error.message}`);
    });
  }
}

/** Images and kernels that earlier runs have made may be of an older recipe. */
async function forgetImages(directory: string = testDirectory()): Promise<void> {
  await runChecked(["rm", "-rf", "--", join(directory, "images"), join(directory, "machines")]);
}

async function asUser(): Promise<Tally[]> {
  await forgetImages();
  return [await runSuite({ deno: [Deno.execPath()], paths, cwd: root })];
}

const total = sum(Deno.uid() === 0 ? await asRoot() : await asUser());
if (total.skipped.length > 0) console.log(`\nSkipped:\n  ${total.skipped.join("\n  ")}`);
console.log(`\n${closingLine(total)}`);
Deno.exit(total.failed === 0 && total.passed > 0 ? 0 : 1);
