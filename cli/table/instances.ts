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
} from "./words.ts";

const creation: readonly Flag[] = [
  {
    name: "config",
    short: "c",
    value: "key=value",
    isList: true,
    summary: "Configuration key of the new instance",
  },
  {
    name: "profile",
    short: "p",
    value: "profile",
    isList: true,
    summary: "Profile to apply, instead of default",
  },
  {
    name: "device",
    short: "d",
    value: "device,key=value",
    isList: true,
    summary: "Key of a device, its own or one of a profile",
  },
  { name: "ephemeral", short: "e", summary: "Delete the instance when it stops" },
  {
    name: "network",
    short: "n",
    value: "network",
    summary: "Network of its first interface, eth0; none for none, host for that of the host",
  },
  {
    name: "publish",
    value: "port:port",
    isList: true,
    summary: "Lead a port of this machine in, 8080:80; -p takes such a value too",
  },
  { name: "storage", short: "s", value: "pool", summary: "Storage pool of its root disk" },
  { name: "no-profiles", summary: "Apply no profile, not even default" },
  { name: "empty", summary: "Create it without an image" },
  { name: "vm", summary: "Create a virtual machine" },
];

const launch = () => import("../commands/launch.ts");
const state = () => import("../commands/state.ts");
const execs = () => import("../commands/exec.ts");
const renames = () => import("../commands/rename.ts");

export const commands: readonly Command[] = [
  {
    path: "launch",
    args: [{ ...image, optional: true }, { ...instance, name: "name", optional: true }],
    flags: [...creation, { name: "console", summary: "Attach to its console once it has started" }],
    summary: "Create an instance from an image and start it",
    about: "Without a name drey picks one. A file as standard input is read as YAML configuration.",
    examples: [
      example("launch debian:12 web", "A Debian 12 container named web"),
      example("launch debian:trixie db -c limits.memory=2GiB -c limits.cpu=2", "With limits"),
      example("launch debian:12 tmp --ephemeral", "One that is deleted when it stops"),
      example("launch debian:12 web < web.yaml", "With configuration and devices from a file"),
    ],
    load: async () => (await launch()).launch,
  },
  {
    path: "init",
    aliases: ["create"],
    args: [{ ...image, optional: true }, { ...instance, name: "name", optional: true }],
    flags: creation,
    summary: "Create an instance from an image and leave it stopped",
    about: "A file as standard input is read as YAML configuration.",
    examples: [
      example("init debian:12 web", "Create it, to be started later"),
      example("init web --empty", "Create one without a root file system"),
    ],
    load: async () => (await launch()).init,
  },
  {
    path: "start",
    args: [instances],
    flags: [
      all,
      { name: "console", summary: "Attach to its console once it has started" },
      { name: "stateless", summary: "Begin anew, whatever was saved when it was stopped" },
    ],
    summary: "Start instances",
    examples: [
      example("start web", "Start one"),
      example("start web db", "Start two at the same time"),
      example("start --all", "Start every stopped one"),
    ],
    load: async () => (await state()).start,
  },
  {
    path: "stop",
    args: [instances],
    flags: [
      all,
      force("End it at once, without asking its init"),
      {
        name: "timeout",
        value: "seconds",
        isInteger: true,
        default: "-1",
        summary: "Seconds to wait for a clean end; -1 waits for ever",
      },
      { name: "stateful", summary: "Keep the memory for the next start: for virtual machines" },
    ],
    summary: "Stop instances",
    examples: [
      example("stop web", "Ask it to shut down and wait"),
      example("stop web --timeout 30", "Give up after half a minute"),
      example("stop -f web", "End it at once"),
    ],
    load: async () => (await state()).stop,
  },
  {
    path: "restart",
    args: [instances],
    flags: [
      all,
      { name: "console", summary: "Attach to its console once it has started" },
      force("End it at once, without asking its init"),
      {
        name: "timeout",
        value: "seconds",
        isInteger: true,
        default: "-1",
        summary: "Seconds to wait for a clean end; -1 waits for ever",
      },
    ],
    summary: "Restart instances",
    examples: [example("restart web", "Shut down and start again"), example("restart -f web", "At once")],
    load: async () => (await state()).restart,
  },
  {
    path: "pause",
    aliases: ["freeze"],
    args: [instances],
    flags: [all],
    summary: "Freeze instances: their processes stay, and stand still",
    examples: [example("pause web", "Freeze one")],
    load: async () => (await state()).pause,
  },
  {
    path: "resume",
    aliases: ["unfreeze"],
    hiddenAliases: ["unpause"],
    args: [instances],
    flags: [all],
    summary: "Let frozen instances go on",
    examples: [example("resume web", "Thaw one")],
    load: async () => (await state()).resume,
  },
  {
    path: "delete",
    aliases: ["rm"],
    args: [{ ...instance, many: true }],
    flags: [
      force("Stop a running instance first"),
      { name: "interactive", short: "i", summary: "Ask before each" },
    ],
    summary: "Delete instances",
    examples: [
      example("delete web", "Delete one that is stopped"),
      example("delete -f web db", "Delete two, running or not"),
    ],
    load: async () => (await import("../commands/delete.ts")).remove,
  },
  {
    path: "rename",
    args: [instance, newName],
    flags: [],
    summary: "Rename an instance",
    examples: [example("rename web www", "From web to www")],
    load: async () => (await renames()).rename,
  },
  {
    path: "move",
    aliases: ["mv"],
    args: [instance, { ...instance, name: "new-name" }],
    flags: [
      { name: "storage", short: "s", value: "pool", summary: "Storage pool to move it to" },
      { name: "target-project", value: "project", summary: "Project to move it to" },
    ],
    summary: "Move an instance to another name, storage pool or project",
    examples: [
      example("move web www", "From web to www"),
      example("move web web --storage fast", "To another pool"),
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
      { name: "fast", summary: "Show only what is known without asking the instances: columns nsacPt" },
      allProjects,
    ],
    summary: "List instances",
    about: `A filter is the beginning of a name, a regular expression for whole names, or key=value, where the
key is a configuration key (its words may be shortened: u.team=web), or one of type, status,
architecture, location, ipv4 and ipv6. An instance is shown if it passes all of them.

Columns: n name, s state, 4 IPv4, 6 IPv6, t type, S snapshots, a architecture, b storage pool,
c created, d description, D disk usage, e project, f image, F image (whole fingerprint),
l last used, L location, m memory, M memory in percent, N processes, p pid, P profiles,
u processor time. Also configuration keys: -c n,user.team:TEAM:10,devices:eth0.parent`,
    examples: [
      example("list", "Every instance"),
      example("list web", "Those whose names begin with web"),
      example("list status=running type=container", "Running containers"),
      example("list -c nsm,image.os:OS", "With memory and a configuration key"),
      example("list --format json", "For programs"),
    ],
    load: async () => (await import("../commands/list.ts")).list,
  },
  {
    path: "info",
    args: [{ ...instance, optional: true }],
    flags: [
      { name: "show-log", summary: "Show the end of the instance's log as well" },
      { name: "plan", summary: "Show the steps drey takes to start it" },
      { name: "resources", summary: "Show the hardware of the server" },
    ],
    summary: "Show an instance and what it uses, or the server",
    examples: [
      example("info web", "State, memory, network of an instance"),
      example("info web --plan", "Namespaces, mounts and limits, as data"),
      example("info", "The server, its environment and settings"),
    ],
    load: async () => (await import("../commands/info.ts")).info,
  },
  {
    path: "exec",
    args: [instance, { name: "command line", kind: "command", many: true }],
    flags: [
      { name: "env", value: "key=value", isList: true, summary: "Environment variable of the command" },
      { name: "cwd", value: "directory", summary: "Directory to run it in (default /root)" },
      { name: "user", value: "uid", isInteger: true, summary: "User to run it as, by number (default 0)" },
      { name: "group", value: "gid", isInteger: true, summary: "Group to run it as, by number (default 0)" },
      {
        name: "mode",
        value: "mode",
        choices: ["auto", "interactive", "non-interactive"],
        default: "auto",
        summary: "Whether it gets a terminal: auto, interactive or non-interactive",
      },
      { name: "force-interactive", short: "t", summary: "Give it a terminal" },
      { name: "force-noninteractive", short: "T", summary: "Give it no terminal" },
      { name: "disable-stdin", short: "n", summary: "Give it nothing to read" },
    ],
    endsFlags: true,
    summary: "Run a command in an instance",
    about: `No shell is involved: for pipes and variables run one, as in: exec web -- sh -c "cd /tmp && ls"
The exit status is the command's; 127 if it was not found, 126 if it could not be run.`,
    examples: [
      example("exec web -- systemctl status", "Run a command"),
      example("exec web bash", "A shell, with a terminal if drey has one"),
      example("exec web --user 1000 --cwd /srv --env CI=1 -- make", "As somebody, somewhere"),
      example("exec web -- tar -C /srv -c . > srv.tar", "Its output is drey's output"),
    ],
    load: async () => (await execs()).exec,
  },
  {
    path: "shell",
    args: [instance],
    flags: [],
    summary: "Log in as root",
    examples: [example("shell web", "The same as: exec web -- su -l")],
    load: async () => (await execs()).shell,
  },
  {
    path: "console",
    args: [instance],
    flags: [
      { name: "show-log", summary: "Print what the console showed so far" },
      {
        name: "type",
        short: "t",
        value: "type",
        choices: ["console", "vga"],
        default: "console",
        summary: "A terminal, or the screen of a virtual machine in a viewer of SPICE",
      },
    ],
    summary: "Attach to the console of an instance, or print its log",
    about: "Ctrl-a q ends the attachment.",
    examples: [
      example("console web", "Log in as at the machine itself"),
      example("console web --show-log", "What its init wrote while it started"),
      example("console v1 --type vga", "Look at the screen of a virtual machine"),
    ],
    load: async () => (await import("../commands/console.ts")).console,
  },
  {
    path: "logs",
    args: [instance],
    flags: [{
      name: "follow",
      short: "f",
      summary: "Go on showing what is written until the instance stops",
    }, { name: "tail", value: "lines", isInteger: true, summary: "Only so many of the last lines" }],
    summary: "Print what an instance has written on its console",
    examples: [
      example("logs web", "What an application has said so far"),
      example("logs web --follow", "And what it says from now on"),
      example("logs web --tail 20", "The last twenty lines"),
    ],
    load: async () => (await import("../commands/console.ts")).logs,
  },
];
