// rsync(1) at both ends of a stream, with the options of LXD's: what does the sending takes itself for a client whose
// server is at the other end, as LXD's does. Pure.

/** What both ends know to do; the rest is the same everywhere. The last two are known to drey alone. */
export type RsyncFeature = "xattrs" | "delete" | "compress" | "hard_links" | "acls";

const usual = ["--numeric-ids", "--devices", "--partial", "--sparse"];

const words: Record<RsyncFeature, readonly string[]> = {
  xattrs: ["--xattrs", "--filter=-x security.selinux"],
  delete: ["--delete"],
  compress: ["--compress", "--compress-level=2"],
  hard_links: ["--hard-links"],
  acls: ["--acls"],
};

// rsync wants to start the program that leads to its server: this one leads to what rsync itself was started with
// and ends as ssh(1) does, once the other end says no more, which rsync waits for
const bridge = `sh -c "exec 5<&0; cat <&5 >&4 3<&- 4>&- 5<&- & exec cat <&3 3<&- 4>&- 5<&-"`;

/** argv that sends what is in a directory, on its standard streams. */
export function sendArgv(root: string, features: readonly RsyncFeature[]): string[] {
  return [
    ...["sh", "-c", 'exec 3<&0 4>&1 </dev/null >&2; exec rsync "$@"', "sh"],
    ...["-ar", ...usual, ...features.flatMap((feature) => words[feature])],
    ...["-e", bridge, `${root}/`, "there:/"],
  ];
}

/**
 * argv that makes a directory what the other end sends.
 *
 * @param owners number that comes as root's, and what it stands for here
 */
export function receiveArgv(
  root: string,
  features: readonly RsyncFeature[],
  owners?: { uid: number; gid: number },
): string[] {
  const mapped = owners === undefined ? [] : [`--usermap=0:${owners.uid}`, `--groupmap=0:${owners.gid}`];
  return [
    ...["rsync", "--server", "-vlogDtpre.iLsfx", ...usual],
    ...[...features.flatMap((feature) => words[feature]), ...mapped, ".", `${root}/`],
  ];
}
