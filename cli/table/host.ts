// Rows of the commands of drey itself: the host, the server, help.

import type { Command } from "../command.ts";
import { example, format, remote } from "./words.ts";

export const commands: readonly Command[] = [
  {
    path: "doctor",
    args: [],
    flags: [
      format,
      { name: "fix", summary: "Install the Debian packages that are missing; asks for nothing, needs root" },
    ],
    about: "The exit status is 1 while something is missing that instances need.",
    summary: "Check what drey needs from this machine, and say how to fix it",
    examples: [
      example("doctor", "Each prerequisite, what it is for, and its state"),
      example("doctor -f json", "For programs"),
    ],
    load: async () => (await import("../commands/doctor.ts")).doctor,
  },
  {
    path: "serve",
    args: [],
    flags: [
      {
        name: "socket",
        value: "path",
        summary: "Where to listen, instead of unix.socket in the state directory",
      },
      {
        name: "group",
        value: "group",
        summary: "Let in the members of this group too, who then may do all that you may",
      },
      {
        name: "idle",
        value: "seconds",
        isInteger: true,
        default: "60",
        summary: "When started by a socket: end after so long without anything to do",
      },
      { name: "verbose", short: "v", summary: "Log every request" },
      { name: "install", summary: "Write units of systemd that start it when somebody connects" },
      { name: "uninstall", summary: "Remove them" },
    ],
    summary: "Serve the API on a unix socket, and over HTTPS if asked, until told to end",
    about: "Instances do not depend on it: it may come and go while they run. It listens for HTTPS where\n" +
      "core.https_address says; clients are let in by a token of: drey config trust add",
    examples: [
      example("serve", "In the foreground, on unix.socket in the state directory"),
      example("serve --install", "For systemd: yours, or the system's if you are root"),
      example("serve --socket /run/drey/socket --group lxd", "For a group of users"),
    ],
    // for help only: cli.ts hands the words to the server without coming here
    load: () => Promise.reject(new Error("The server is an entrance of its own")),
  },
  {
    path: "completion",
    args: [{ name: "bash|zsh|fish", kind: "text" }],
    flags: [],
    summary: "Print a script that completes drey's words in a shell",
    examples: [
      example("completion bash > ~/.local/share/bash-completion/completions/drey", "For bash"),
      example("completion zsh > ~/.zfunc/_drey", "For zsh, with ~/.zfunc in fpath"),
      example("completion fish > ~/.config/fish/completions/drey.fish", "For fish"),
    ],
    load: async () => (await import("../commands/completion.ts")).completion,
  },
  {
    path: "__complete",
    args: [{ name: "word", kind: "text", many: true, optional: true }],
    flags: [],
    endsFlags: true,
    isHidden: true,
    summary: "Print the words that may come next; called by completion scripts",
    examples: [example("__complete exec w", "Instances that begin with w")],
    load: async () => (await import("../commands/completion.ts")).complete,
  },
  {
    path: "help",
    args: [{ name: "command", kind: "text", many: true, optional: true }],
    flags: [],
    summary: "Show how to use drey, or one command",
    examples: [example("help launch", "The same as: launch --help")],
    load: async () => (await import("../commands/help.ts")).help,
  },
  {
    path: "version",
    args: [remote],
    flags: [],
    summary: "Show the versions of drey and of the server it talks to",
    examples: [example("version", "Both")],
    load: async () => (await import("../commands/version.ts")).version,
  },
];
