// Words and flags that LXD's client has and drey has not, each with the reason, so that whoever comes from there is told
// more than that nobody knows them. Read only where a line was not understood.

import { DreyError } from "../errors.ts";

interface Absent {
  /** command, or beginning of one, with a flag if the absence is only that one's */
  words: string;
  because: string;
}

const cluster = "drey serves one machine, and there are no members of a cluster";
const betweenServers = "it tells how data goes from one server to another, which drey does not do yet";
const localMove = "a move on one server changes where an instance is and nothing else; see: drey config set";
const ssh = "drey mounts by sshfs and has no SSH server of its own";
const attached = "volumes that are attached are left alone: see drey storage volume";

/** A row without a command is about a flag wherever it stands. */
export const absentWords: readonly Absent[] = [
  { words: "cluster", because: cluster },
  { words: "network peer", because: "only networks of type ovn have peers, which drey does not have" },
  {
    words: "storage bucket",
    because: "buckets need a server of S3 beside drey, which it does not start yet",
  },
  { words: "auth", because: "clients are known by their certificates alone: see drey config trust" },
  { words: "placement-group", because: cluster },
  { words: "replicator", because: cluster },
  { words: "project promote-replica", because: cluster },
  { words: "project demote-replica", because: cluster },
  { words: "project clear-replica", because: cluster },
  {
    words: "network load-balancer-pool",
    because: "load balancers have backends: see drey network load-balancer",
  },
  { words: "--target", because: cluster },
  { words: "--destination-target", because: cluster },
  { words: "storage volume copy --mode", because: betweenServers },
  { words: "storage volume move --mode", because: betweenServers },
  { words: "--allow-inconsistent", because: "a running instance stands still while it is copied" },
  { words: "move --config", because: localMove },
  { words: "move --device", because: localMove },
  { words: "move --profile", because: localMove },
  { words: "move --no-profiles", because: localMove },
  { words: "move --stateless", because: "an instance is stopped before it is moved" },
  { words: "file mount --listen", because: ssh },
  { words: "file mount --no-auth", because: ssh },
  { words: "file mount --auth-user", because: ssh },
  {
    words: "--export-version",
    because: "there is one version of backups, which every LXD from 4.0 on reads",
  },
  { words: "--disk-volumes", because: attached },
  { words: "image export --vm", because: "an alias of a server means one image, of one kind" },
  { words: "--verbose", because: "there is nothing between silence and --debug" },
  { words: "--sub-commands", because: "drey help <command> shows those below it" },
  { words: "help --all", because: "every command is shown" },
];

/**
 * Why a line that was not understood cannot be.
 *
 * @returns nothing if its words are not LXD's either
 */
export function absence(argv: readonly string[]): DreyError | undefined {
  const end = argv.indexOf("--");
  const typed = end === -1 ? argv : argv.slice(0, end);
  const words = typed.filter((word) => !word.startsWith("-")).map((word, at) =>
    at === 0 ? wholeWord(word) : word
  );
  const line = `${words.join(" ")} `;
  const flags = typed.filter((word) => word.startsWith("-")).map((word) => longName(word, line));
  for (const { words, because } of absentWords) {
    const [, command = "", flag] = /^(.*?) ?(--.+)?$/.exec(words) ?? [];
    if (command !== "" && !line.startsWith(`${command} `)) continue;
    if (flag !== undefined && !flags.includes(flag)) continue;
    const what = flag === undefined ? `command "${command}"` : `flag ${flag}`;
    return new DreyError("NOT_SUPPORTED", { message: `There is no ${what} here: ${because}` });
  }
  return undefined;
}

const wholeWord = (word: string) => ({ mv: "move", cp: "copy" })[word] ?? word;

const shorts: Record<string, string> = { c: "--config", d: "--device", p: "--profile", v: "--verbose" };

/** `-c` as `--config`: lxc's letters of `move`, and that of a flag which all commands have. */
function longName(word: string, line: string): string {
  if (word.startsWith("--")) return word.split("=")[0] ?? word;
  const letter = word.slice(1, 2);
  return letter === "v" || line.startsWith("move ") ? shorts[letter] ?? word : word;
}
