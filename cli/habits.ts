// Words of Podman, Docker and Incus that drey has not, each with the command that does the same here. Read only where
// a line was not understood.

import { DreyError } from "../errors.ts";

interface Habit {
  /** command, or beginning of one, with a flag if it is that one which is unknown */
  words: string;
  /** what the refusal must say, where the words alone do not tell what was meant */
  refusal?: RegExp;
  /** command to type in its place; what stands in brackets is to be filled in */
  use: string;
  because?: string;
}

const background = "Instances run in the background, each with an init of its own";

export const habits: readonly Habit[] = [
  { words: "ps", use: "list" },
  { words: "run", use: "launch <image> <name>" },
  { words: "remove", use: "delete <instance>" },
  { words: "destroy", use: "delete <instance>" },
  { words: "kill", use: "stop --force <instance>" },
  { words: "shutdown", use: "stop <instance>" },
  { words: "poweroff", use: "stop <instance>" },
  { words: "reboot", use: "restart <instance>" },
  { words: "thaw", use: "resume <instance>" },
  { words: "enter", use: "shell <instance>" },
  { words: "login", use: "shell <instance>" },
  { words: "ssh", use: "shell <instance>" },
  { words: "attach", use: "console <instance>" },
  { words: "inspect", use: "config show <instance>" },
  { words: "status", use: "info <instance>" },
  { words: "suspend", use: "pause <instance>" },
  { words: "bash", use: "shell <instance>" },
  { words: "sh", use: "shell <instance>" },
  { words: "top", use: "list -c nsNmu" },
  { words: "stats", use: "list -c nsmu" },
  { words: "events", use: "monitor" },
  { words: "images", use: "image list" },
  { words: "rmi", use: "image delete <image>" },
  { words: "pull", use: "image copy <remote>:<image> local:" },
  { words: "search", use: "image list <remote>:" },
  { words: "tag", use: "image alias create <alias> <fingerprint>" },
  { words: "save", use: "image export <image>" },
  { words: "load", use: "image import <file>" },
  { words: "build", use: "image build <definition>" },
  { words: "commit", use: "publish <instance> --alias <alias>" },
  { words: "system df", use: "storage info <pool>" },
  { words: "system prune", use: "image prune" },
  { words: "system", use: "info" },
  ...["container", "instance"].map((words) => ({
    words,
    because: "Commands for instances stand by themselves, as launch, stop and delete do",
    use: "list",
  })),
  { words: "file ls", use: "exec <instance> -- ls -l <path>" },
  { words: "file list", use: "exec <instance> -- ls -l <path>" },
  { words: "file create", use: "file push <source> <instance>/<path>" },
  { words: "image pull", use: "image copy <remote>:<image> local:" },
  { words: "image inspect", use: "image show <image>" },
  { words: "volume", use: "storage volume" },
  { words: "pool", use: "storage" },
  { words: "network inspect", use: "network show <network>" },
  { words: "network connect", use: "network attach <network> <instance>" },
  { words: "network disconnect", use: "network detach <network> <instance>" },
  { words: "project use", use: "project switch <project>" },
  { words: "snapshot create", use: "snapshot <instance> <snapshot>" },
  { words: "snapshot list", use: "info <instance>" },
  { words: "snapshot ls", use: "info <instance>" },
  { words: "snapshot show", use: "config show <instance>/<snapshot>" },
  { words: "snapshot restore", use: "restore <instance> <snapshot>" },
  { words: "snapshot delete", use: "delete <instance>/<snapshot>" },
  { words: "snapshot rm", use: "delete <instance>/<snapshot>" },
  { words: "snapshot rename", use: "rename <instance>/<snapshot> <new-name>" },
  { words: "admin recover", use: "recover" },
  { words: "admin", because: "There is nothing to set up", use: "doctor" },
  { words: "daemon", use: "serve" },
  {
    words: "exec -i",
    because: "Input is passed on, and a terminal is used where there is one",
    use: "exec <instance> -- <command>",
  },
  {
    words: "exec --user",
    refusal: /needs a whole number/,
    because: "--user takes the number of a user, su a name",
    use: "exec <instance> -- su -l <user>",
  },
  {
    words: "exec -u",
    because: "--user takes the number of a user, su a name",
    use: "exec <instance> -- su -l <user>",
  },
  { words: "exec --workdir", use: "exec --cwd <path> <instance> -- <command>" },
  { words: "exec -w", use: "exec --cwd <path> <instance> -- <command>" },
  { words: "launch -i", because: background, use: "shell <instance>" },
  { words: "launch --detach", because: background, use: "launch <image> <name>" },
  { words: "launch --name", use: "launch <image> <name>" },
  { words: "launch --rm", use: "launch --ephemeral <image> <name>" },
  { words: "launch --env", use: "launch <image> <name> -c environment.<key>=<value>" },
  { words: "launch --cpus", use: "launch <image> <name> -c limits.cpu=<number>" },
  { words: "launch --memory", use: "launch <image> <name> -c limits.memory=<size>" },
  { words: "launch -m", use: "launch <image> <name> -c limits.memory=<size>" },
  { words: "launch --restart", use: "launch <image> <name> -c boot.autorestart=true" },
  { words: "launch --hostname", because: "The name is the hostname", use: "launch <image> <name>" },
  {
    words: "launch --privileged",
    because: "Root in an instance is never root on the host, and containers within it need no more than this",
    use: "launch <image> <name> -c security.nesting=true",
  },
  {
    words: "launch",
    refusal: /has no use for ".+=.*"$/,
    because: "-e stands for --ephemeral",
    use: "launch <image> <name> -c environment.<key>=<value>",
  },
  {
    words: "launch",
    refusal: /has no use for "(\/.*|\w*sh|sleep|true)"$/,
    because: "An instance runs its own init, and commands beside it",
    use: "exec <instance> -- <command>",
  },
  ...["-v", "--volume", "--mount"].map((flag) => ({
    words: `launch ${flag}`,
    use: "launch <image> <name> -d <device>,type=disk,source=<directory>,path=<path>",
  })),
  ...["-a", "--all"].map((flag) => ({
    words: `list ${flag}`,
    because: "All instances are listed, running or not",
    use: "list",
  })),
];

/**
 * The refusal of a line, with what to type in its place.
 *
 * @returns nothing if its words are nobody's
 */
export function habit(argv: readonly string[], refusal: unknown): DreyError | undefined {
  if (!(refusal instanceof DreyError)) return undefined;
  const end = argv.indexOf("--");
  const typed = end === -1 ? argv : argv.slice(0, end);
  const line = `${typed.filter((word) => !word.startsWith("-")).join(" ")} `;
  const row = habits.find(({ words, refusal: said }) => {
    const [, command = "", flag] = /^(.*?)(?: (-.+))?$/.exec(words) ?? [];
    if (!line.startsWith(`${command} `)) return false;
    if (said !== undefined) return said.test(refusal.message);
    // an unknown flag is reported by itself, also out of several in a word
    return flag === undefined || refusal.message === `Unknown flag "${flag}"`;
  });
  if (row === undefined) return undefined;
  const { use, because } = row;
  return new DreyError(refusal.code, {
    message: refusal.message,
    hint: `${because === undefined ? "" : `${because}. `}Use: drey ${use}`,
    cause: refusal,
  });
}
