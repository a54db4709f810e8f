// Rows of the commands of drey itself: the host, the server, help.

import type { Command } from "../command.ts";
import { example, format, remote } from "./words.ts";

export const commands: readonly Command[] = [
  {
    path: "doctor",
    args: [],
    flags: [
      format,
      { name: "fix", summary: "Install missing Debian packages without asking (needs root)" },
    ],
    about: "The exit status is 1 if something is missing that instances need.",
    summary: "Check the prerequisites on this machine and show how to fix them",
    examples: [
      example("doctor", "Show each prerequisite, its state and its purpose"),
      example("doctor -f json", "Print JSON"),
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
        summary: "Path of the socket (default: unix.socket in the state directory)",
      },
      {
        name: "group",
        value: "group",
        summary: "Give the members of this group full access too",
      },
      {
        name: "idle",
        value: "seconds",
        isInteger: true,
        default: "60",
        summary: "Exit after this idle time if started by socket activation",
      },
      { name: "verbose", short: "v", summary: "Log every request" },
      { name: "install", summary: "Install systemd units that start it on the first connection" },
      { name: "uninstall", summary: "Remove the systemd units" },
    ],
    summary: "Serve the API on a unix socket and, if configured, over HTTPS",
    about:
      "Instances do not depend on the server: it can be stopped and started while they run. It listens for\n" +
      "HTTPS on core.https_address; drey config trust add lets clients in.",
    examples: [
      example("serve", "Listen on the default socket, in the foreground"),
      example("serve --install", "Install units of the user's systemd; as root, of the system's"),
      example(
        "serve --socket /run/drey/socket --group lxd",
        "Listen on another socket, for a group of users",
      ),
    ],
    // for help only: cli.ts hands the words to the server without coming here
    load: () => Promise.reject(new Error("The server is an entrance of its own")),
  },
  {
    path: "completion",
    args: [{ name: "bash|zsh|fish", kind: "text" }],
    flags: [],
    summary: "Print the completion script for a shell",
    examples: [
      example(
        "completion bash > ~/.local/share/bash-completion/completions/drey",
        "Set up completion for bash",
      ),
      example("completion zsh > ~/.zfunc/_drey", "Set it up for zsh, with ~/.zfunc in fpath"),
      example("completion fish > ~/.config/fish/completions/drey.fish", "Set it up for fish"),
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
    path: "manpage",
    args: [{ name: "directory", kind: "file" }],
    flags: [{
      name: "format",
      short: "f",
      value: "format",
      choices: ["man", "md"],
      default: "man",
      summary: "Format: man, for man(1), or md, for Markdown",
    }],
    summary: "Write manual pages for all commands into a directory",
    examples: [example("manpage ~/.local/share/man/man1", "Then: man drey-launch, or man drey launch")],
    load: async () => (await import("../commands/manpage.ts")).manpage,
  },
  {
    path: "help",
    args: [{ name: "command", kind: "text", many: true, optional: true }],
    flags: [],
    summary: "Show help on drey or a command",
    examples: [example("help launch", "The same as: launch --help")],
    load: async () => (await import("../commands/help.ts")).help,
  },
  {
    path: "version",
    args: [remote],
    flags: [],
    summary: "Show the client and server versions",
    examples: [example("version", "Show both versions")],
    load: async () => (await import("../commands/version.ts")).version,
  },
];
