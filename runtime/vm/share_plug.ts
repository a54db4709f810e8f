// Directories that come to a running virtual machine with a disk of its own, and go: a server and a device for each, and
// a mount in the guest.

import { DreyError } from "../../errors.ts";
import { runInGuest } from "./guest_program.ts";
import { doInBox, hasAgent } from "./door.ts";
import { freePort, removeBehind, unplug } from "./ports.ts";
import { type Monitor, openMonitor } from "./qmp.ts";
import { type Share, shareChardev, shareDevice, shareLine } from "./shares.ts";

/** Where a directory is mounted in the guest. */
export interface GuestMount {
  tag: string;
  path: string;
  isReadOnly: boolean;
}

/**
 * Serves a directory of the box to a running machine and has its guest mount it.
 *
 * @param id what it is called in the machine
 * @throws {DreyError} `CONFLICT` without a place for it, `COMMAND_FAILED`; then nothing of it is left
 */
export async function plugShare(
  door: string,
  { id, share, mount }: { id: string; share: Share; mount: GuestMount },
): Promise<void> {
  await doInBox(door, [shareLine(share, id)]);
  try {
    await giveShare(door, id, share);
    await mountInGuest(door, mount);
  } catch (error) {
    await withdraw(door, id);
    throw error;
  }
}

async function giveShare(door: string, id: string, { tag }: Share): Promise<void> {
  using qmp = await openMonitor(door);
  const bus = await freePort(qmp);
  await qmp.execute(...shareChardev(id));
  await qmp.execute("device_add", shareDevice({ id, tag, bus }));
}

/**
 * Takes a directory away again.
 *
 * @param ids what it may be called in the machine
 * @throws {DreyError} `CONFLICT` if the guest uses it, `TIMEOUT` if it does not let it go
 */
export async function unplugShare(
  door: string,
  { ids, path }: { ids: readonly string[]; path: string },
): Promise<void> {
  const found = await findShare(door, ids);
  if (found === undefined) return;
  await unmountInGuest(door, path);
  await withdraw(door, found);
}

async function findShare(door: string, ids: readonly string[]): Promise<string | undefined> {
  using qmp = await openMonitor(door);
  const there = await chardevs(qmp);
  return ids.find((id) => there.includes(id));
}

/** Its server may end, and does so when nobody is connected any more. */
async function withdraw(door: string, id: string): Promise<void> {
  await doInBox(door, [["forget", id]]);
  using qmp = await openMonitor(door);
  await unplug(qmp, `device-${id}`);
  await removeBehind(qmp, "chardev-remove", id);
}

async function chardevs(qmp: Monitor): Promise<string[]> {
  const found = await qmp.execute("query-chardev") as { label: string }[];
  return found.map(({ label }) => label);
}

/** The device may not be there yet when this is asked; ENODEV, EINVAL */
const mounting = (mount: number) =>
  String.raw`
my ($tag, $path, $flags) = @ARGV;
my $made = '';
for my $part (grep { length } split m{/}, $path) { $made .= "/$part"; mkdir $made, 0755 }
my ($type, $none) = ('virtiofs', 0);
for my $tries (1 .. 300) {
  exit 0 if syscall(${mount}, $tag, $path, $type, $flags + 0, $none) >= 0;
  last if $! != 19 and $! != 22 and $! != 2;
  select undef, undef, undef, 0.1;
}
print STDERR "mount(2) on $path: $!\n";
exit 1;
`;

async function mountInGuest(door: string, { tag, path, isReadOnly }: GuestMount): Promise<void> {
  const argv = ["/usr/bin/perl", "-e", mounting(calls.mount), tag, path, isReadOnly ? "1" : "0"];
  const { code, stderr } = await runInGuest(door, argv);
  if (code === 0) return;
  throw new DreyError("COMMAND_FAILED", {
    message: `The virtual machine did not mount "${path}": ${lastLine(stderr)}`,
    hint: "Its agent mounts directories; without one they are there from the next start on",
  });
}

/** EINVAL: nothing is mounted there */
const unmounting = (umount: number) =>
  String.raw`
my ($path) = @ARGV;
exit 0 if syscall(${umount}, $path, 0) >= 0 or $! == 22 or $! == 2;
print STDERR "umount2(2) of $path: $!\n";
exit 1;
`;

/** Without an agent nobody has mounted it, or nobody is there who could say so. */
async function unmountInGuest(door: string, path: string): Promise<void> {
  if (!await hasAgent(door)) return;
  const argv = ["/usr/bin/perl", "-e", unmounting(calls.umount2), path];
  const { code, stderr } = await runInGuest(door, argv);
  if (code === 0) return;
  throw new DreyError("CONFLICT", {
    message: `The virtual machine does not let "${path}" go: ${lastLine(stderr)}`,
    hint: "Something in it has a file or its directory there",
  });
}

const calls = {
  x86_64: { mount: 165, umount2: 166 },
  aarch64: { mount: 40, umount2: 39 },
}[Deno.build.arch];

const lastLine = (text: string) => text.trim().split("\n").at(-1) ?? "";
