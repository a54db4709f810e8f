// Rows of the commands of instances: their lives, and what is run in them.

import type { Command, Flag } from "../command.ts";
import {
  all,
  allProjects,
  columns,
  example,
  force,
  format,
  image,
  instance,
  instances,
  newName,
  transferMode,
} from "./words.ts";

const creation: readonly Flag[] = [
  {
    name: "config",
    short: "c",
    value: "key=value",
    isList: true,
    summary: "Configuration key to set on the instance",
  },
  {
    name: "profile",
    short: "p",
    value: "profile",
    isList: true,
    summary: "Profile to apply instead of default",
  },
  {
    name: "device",
    short: "d",
    value: "device,key=value",
    isList: true,
    summary: "Key to set on a device, the instance's own or one of a profile",
  },
  { name: "ephemeral", short: "e", summary: "Delete the instance when it stops" },
  {
    name: "network",
    short: "n",
    value: "network",
    summary: "Network of eth0; none for no network, host for the network of the host",
  },
  {
    name: "publish",
    value: "port:port",
    isList: true,
    summary: "Publish a port of this machine, host:instance; -p 8080:80 works too",
  },
  { name: "storage", short: "s", value: "pool", summary: "Storage pool of the root disk" },
  { name: "no-profiles", summary: "Apply no profile, not even default" },
  { name: "empty", summary: "Create an instance without an image" },
  { name: "vm", summary: "Create a virtual machine" },
  {
    name: "type",
    short: "t",
    value: "size",
    summary: "Size of the instance: c2-m4 is 2 CPUs and 4 GiB of memory",
  },
];

const console = (summary: string, choices: readonly string[]): Flag => ({
  name: "console",
  value: "type",
  alone: "console",
  choices,
  summary,
});

const consoleAfterwards = console(
  "Attach to the console once it has started, =vga to the screen of a machine",
  ["console", "vga"],
);

const launch = () => import("../commands/launch.ts");
const state = () => import("../commands/state.ts");
const execs = () => import("../commands/exec.ts");
const renames = () => import("../commands/rename.ts");

export const commands: readonly Command[] = [
  {
    path: "launch",
    args: [{ ...image, optional: true }, { ...instance, name: "name", optional: true }],
    flags: [...creation, consoleAfterwards],
    summary: "Create an instance from an image and start it",
    about:
      "If no name is given, drey picks one. Configuration in YAML may come on standard input, from a file or a pipe.",
    examples: [
      example("launch debian:12 web", "Start a Debian 12 container named web"),
      example("launch debian:trixie db -c limits.memory=2GiB -c limits.cpu=2", "Start one with limits"),
      example("launch debian:12 tmp --ephemeral", "Start one that is deleted when it stops"),
      example("launch debian:12 web < web.yaml", "Read configuration and devices from a file"),
    ],
    load: async () => (await launch()).launch,
  },
  {
    path: "init",
    aliases: ["create"],
    args: [{ ...image, optional: true }, { ...instance, name: "name", optional: true }],
    flags: creation,
    summary: "Create an instance from an image and leave it stopped",
    about: "Configuration in YAML may come on standard input, from a file or a pipe.",
    examples: [
      example("init debian:12 web", "Create a container and start it later"),
      example("init web --empty", "Create one without a root file system"),
    ],
    load: async () => (await launch()).init,
  },
  {
    path: "start",
    args: [instances],
    flags: [
      all,
      consoleAfterwards,
      { name: "stateless", summary: "Discard the memory saved by stop --stateful" },
    ],
    summary: "Start instances",
    examples: [
      example("start web", "Start one"),
      example("start web db", "Start two in parallel"),
      example("start --all", "Start every stopped instance"),
    ],
    load: async () => (await state()).start,
  },
  {
    path: "stop",
    args: [instances],
    flags: [
      all,
      force("Kill the instance instead of shutting it down"),
      {
        name: "timeout",
        value: "seconds",
        isInteger: true,
        default: "-1",
        summary: "Seconds to wait for a clean shutdown; -1 waits forever",
      },
      { name: "stateful", summary: "Save the memory for the next start (virtual machines)" },
      console("Attach to the console while the instance shuts down", ["console"]),
    ],
    summary: "Stop instances",
    examples: [
      example("stop web", "Shut it down cleanly"),
      example("stop web --timeout 30", "Give up after 30 seconds"),
      example("stop -f web", "Kill it"),
    ],
    load: async () => (await state()).stop,
  },
  {
    path: "restart",
    args: [instances],
    flags: [
      all,
      consoleAfterwards,
      force("Kill the instance instead of shutting it down"),
      {
        name: "timeout",
        value: "seconds",
        isInteger: true,
        default: "-1",
        summary: "Seconds to wait for a clean shutdown; -1 waits forever",
      },
    ],
    summary: "Restart instances",
    examples: [
      example("restart web", "Shut down and start again"),
      example("restart -f web", "Kill it and start it again"),
    ],
    load: async () => (await state()).restart,
  },
  {
    path: "pause",
    aliases: ["freeze"],
    args: [instances],
    flags: [all],
    summary: "Pause instances: freeze their processes",
    examples: [example("pause web", "Pause one")],
    load: async () => (await state()).pause,
  },
  {
    path: "resume",
    aliases: ["unfreeze"],
    hiddenAliases: ["unpause"],
    args: [instances],
    flags: [all],
    summary: "Resume paused instances",
    examples: [example("resume web", "Resume one")],
    load: async () => (await state()).resume,
  },
  {
    path: "delete",
    aliases: ["rm"],
    args: [{ ...instance, many: true }],
    flags: [
      force("Stop a running instance first"),
      { name: "interactive", short: "i", summary: "Ask before deleting each" },
    ],
    summary: "Delete instances",
    examples: [
      example("delete web", "Delete a stopped instance"),
      example("delete -f web db", "Delete two, running or not"),
    ],
    load: async () => (await import("../commands/delete.ts")).remove,
  },
  {
    path: "rename",
    args: [instance, newName],
    flags: [],
    summary: "Rename an instance",
    examples: [example("rename web www", "Rename web to www")],
    load: async () => (await renames()).rename,
  },
  {
    path: "move",
    aliases: ["mv"],
    args: [instance, { ...instance, name: "new-name", optional: true }],
    flags: [
      { name: "storage", short: "s", value: "pool", summary: "Storage pool to move it to" },
      { name: "target-project", value: "project", summary: "Project to move it to" },
      { name: "instance-only", summary: "Delete the snapshots instead of moving them" },
      transferMode,
    ],
    summary: "Rename an instance, or move it to another storage pool, project or server",
    examples: [
      example("move web www", "Rename web to www"),
      example("move web --storage fast", "Move it to another storage pool"),
      example("move web other:", "Move it to another server; it must be stopped"),
    ],
    load: async () => (await renames()).rename,
  },
  {
    path: "list",
    aliases: ["ls"],
    args: [{ name: "filter", kind: "instance", remote: true, optional: true, many: true }],
    flags: [
      columns("ns46tS"),
      format,
      { name: "fast", summary: "Show only columns that need no look at the instances: nsacPt" },
      allProjects,
    ],
    summary: "List instances",
    about:
      `A filter is the beginning of a name, a regular expression for whole names (or for parts of them, with
^ or $), or key=value, where the key is a configuration key (its words may be shortened: u.team=web),
or one of name, description, type, status, architecture, location, profiles, ephemeral, ipv4 and ipv6.
An instance is shown if it passes all of them.

Columns: n name, s state, 4 IPv4, 6 IPv6, t type, S snapshots, a architecture, b storage pool,
c created, d description, D disk usage, e project, f image, F image (whole fingerprint),
l last used, L location, m memory, M memory in percent, N processes, p pid, P profiles,
u processor time. Also configuration keys: -c n,user.team:TEAM:10,devices:eth0.parent`,
    examples: [
      example("list", "List every instance"),
      example("list web", "List instances whose names begin with web"),
      example("list status=running type=container", "List running containers"),
      example("list -c nsm,image.os:OS", "Show memory use and a configuration key"),
      example("list --format json", "Print JSON"),
    ],
    load: async () => (await import("../commands/list.ts")).list,
  },
  {
    path: "info",
    args: [{ ...instance, optional: true }],
    flags: [
      { name: "show-log", summary: "Show the end of the instance's log as well" },
      { name: "plan", summary: "Show the plan by which drey starts it" },
      { name: "resources", summary: "Show the hardware of the server" },
    ],
    summary: "Show information about an instance or the server",
    examples: [
      example("info web", "Show state, memory use and network of an instance"),
      example("info web --plan", "Show its namespaces, mounts and limits"),
      example("info", "Show the server, its environment and its settings"),
    ],
    load: async () => (await import("../commands/info.ts")).info,
  },
  {
    path: "exec",
    args: [instance, { name: "command line", kind: "command", many: true }],
    flags: [
      { name: "env", value: "key=value", isList: true, summary: "Environment variable to set" },
      { name: "cwd", value: "directory", summary: "Directory to run the command in (default /root)" },
      { name: "user", value: "uid", isInteger: true, summary: "User id to run the command as (default 0)" },
      { name: "group", value: "gid", isInteger: true, summary: "Group id to run the command as (default 0)" },
      {
        name: "mode",
        value: "mode",
        choices: ["auto", "interactive", "non-interactive"],
        default: "auto",
        summary: "Terminal mode: auto, interactive or non-interactive",
      },
      { name: "force-interactive", short: "t", summary: "Allocate a terminal" },
      { name: "force-noninteractive", short: "T", summary: "Do not allocate a terminal" },
      { name: "disable-stdin", short: "n", summary: "Connect standard input to /dev/null" },
    ],
    endsFlags: true,
    summary: "Run a command in an instance",
    about:
      `The command is run without a shell. For pipes and variables start one: exec web -- sh -c "cd /tmp && ls"
The exit status is that of the command; 127 if it was not found, 126 if it could not be run.`,
    examples: [
      example("exec web -- systemctl status", "Run a command"),
      example("exec web bash", "Open a shell, with a terminal if drey has one"),
      example(
        "exec web --user 1000 --cwd /srv --env CI=1 -- make",
        "Run it as another user, in another directory",
      ),
      example("exec web -- tar -C /srv -c . > srv.tar", "Use its output on this side"),
    ],
    load: async () => (await execs()).exec,
  },
  {
    path: "shell",
    args: [instance],
    flags: [],
    summary: "Open a login shell as root",
    examples: [example("shell web", "The same as: exec web -- su -l")],
    load: async () => (await execs()).shell,
  },
  {
    path: "console",
    args: [instance],
    flags: [
      { name: "show-log", summary: "Print the log of the console" },
      {
        name: "type",
        short: "t",
        value: "type",
        choices: ["console", "vga"],
        default: "console",
        summary: "Type of console: console, or vga for the screen of a virtual machine in a SPICE viewer",
      },
    ],
    summary: "Attach to the console of an instance, or print its log",
    about: "Press Ctrl-a q to detach.",
    examples: [
      example("console web", "Attach to the console"),
      example("console web --show-log", "Print what was written to it since the start"),
      example("console v1 --type vga", "Open the screen of a virtual machine"),
    ],
    load: async () => (await import("../commands/console.ts")).console,
  },
  {
    path: "logs",
    args: [instance],
    flags: [{
      name: "follow",
      short: "f",
      summary: "Follow the log until the instance stops",
    }, { name: "tail", value: "lines", isInteger: true, summary: "Number of lines to show from the end" }],
    summary: "Print the console log of an instance",
    examples: [
      example("logs web", "Print the output of an application"),
      example("logs web --follow", "Print it and follow it"),
      example("logs web --tail 20", "Print the last 20 lines"),
    ],
    load: async () => (await import("../commands/console.ts")).logs,
  },
];
