// The table of commands: every one drey has, with its arguments, flags, summary and examples. As long as the
// command line is wide; the code of a command is loaded when it is run.

import type { Arg, Command, Example, Flag, Group } from "./command.ts";

const instance: Arg = { name: "instance", kind: "instance", remote: true };
const instances: Arg = { ...instance, many: true, optional: true };
const profile: Arg = { name: "profile", kind: "profile", remote: true };
const image: Arg = { name: "image", kind: "image", remote: true };
const alias: Arg = { name: "alias", kind: "alias", remote: true };
const pool: Arg = { name: "pool", kind: "pool", remote: true };
const operation: Arg = { name: "operation", kind: "operation", remote: true };
const remote: Arg = { name: "remote", kind: "remote", remote: true, optional: true };
const device: Arg = { name: "device", kind: "device" };
const key: Arg = { name: "key", kind: "key" };
const keyValues: Arg = { name: "key=value", kind: "key", many: true };
const instancePath: Arg = { name: "instance>/<path", kind: "instance", remote: true };
const template: Arg = { name: "template", kind: "text" };
const newName: Arg = { name: "new-name", kind: "text" };

const format: Flag = {
  name: "format",
  short: "f",
  value: "format",
  choices: ["table", "json", "yaml", "csv", "compact"],
  default: "table",
  summary: "Format: table, json, yaml, csv or compact",
};
const columns = (letters: string): Flag => ({
  name: "columns",
  short: "c",
  value: "columns",
  default: letters,
  summary: `Columns to show (default ${letters})`,
});
const allProjects: Flag = { name: "all-projects", summary: "Show those of every project" };
const property: Flag = {
  name: "property",
  short: "p",
  summary: "The key is a property, not a configuration key",
};
const force = (summary: string): Flag => ({ name: "force", short: "f", summary });
const all: Flag = { name: "all", summary: "Every instance of the project" };

const copying: readonly Flag[] = [
  { name: "recursive", short: "r", summary: "Copy directories with all that is in them" },
  { name: "create-dirs", short: "p", summary: "Make the directories the target lies in" },
];

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
  { name: "network", short: "n", value: "network", summary: "Network of its first interface, eth0" },
  { name: "storage", short: "s", value: "pool", summary: "Storage pool of its root disk" },
  { name: "no-profiles", summary: "Apply no profile, not even default" },
  { name: "empty", summary: "Create it without an image" },
  { name: "vm", summary: "Create a virtual machine" },
];

const example = (line: string, about: string): Example => ({ line, about });

const launch = () => import("./commands/launch.ts");
const state = () => import("./commands/state.ts");
const config = () => import("./commands/config.ts");
const devices = () => import("./commands/device.ts");
const profiles = () => import("./commands/profile.ts");
const images = () => import("./commands/image.ts");
const imageFiles = () => import("./commands/image_files.ts");
const aliases = () => import("./commands/image_alias.ts");
const storage = () => import("./commands/storage.ts");
const operations = () => import("./commands/operation.ts");
const remotes = () => import("./commands/remote.ts");
const files = () => import("./commands/file.ts");
const metadata = () => import("./commands/metadata.ts");
const execs = () => import("./commands/exec.ts");
const renames = () => import("./commands/rename.ts");

export const groups: readonly Group[] = [
  { path: "config", summary: "Configuration of instances and of the server" },
  { path: "config metadata", summary: "What the image of an instance said of itself" },
  { path: "config template", summary: "Templates of files of an instance" },
  { path: "config device", summary: "Devices of instances" },
  { path: "file", summary: "Files of instances" },
  { path: "image", summary: "Images instances are made from" },
  { path: "image alias", summary: "Names of images" },
  { path: "operation", summary: "What runs in the background" },
  { path: "profile", summary: "Configuration shared by instances" },
  { path: "profile device", summary: "Devices of profiles" },
  { path: "remote", summary: "Servers that names before a colon mean" },
  { path: "storage", summary: "Storage pools" },
];

/** The rows that read and change devices, for instances and for profiles alike. */
function deviceRows(group: string, owner: Arg, of: "instance" | "profile"): Command[] {
  const row = (
    verb: string,
    rest: Omit<Command, "path" | "flags" | "load"> & { run: DeviceVerb },
  ): Command => {
    const { run, ...shown } = rest;
    return { path: `${group} ${verb}`, flags: [], ...shown, load: async () => (await devices())[run](of) };
  };
  const name = of === "instance" ? "web" : "default";
  const at = (words: string) => `${group} ${words}`;
  return [
    row("add", {
      args: [owner, device, { name: "type", kind: "text" }, { ...keyValues, optional: true }],
      summary: `Add a device to ${of === "instance" ? "an" : "a"} ${of}`,
      examples: [
        example(at(`add ${name} src disk source=/home/me/src path=/srv/src`), "Share a directory"),
        example(at(`add ${name} eth1 nic nictype=bridged parent=br0`), "Add a network interface"),
      ],
      run: "addDevice",
    }),
    row("get", {
      args: [owner, device, key],
      summary: "Print one key of a device",
      examples: [example(at(`get ${name} root size`), "Print the size of the root disk")],
      run: "getDevice",
    }),
    row("list", {
      aliases: ["ls"],
      args: [owner],
      summary: "Print the names of the devices",
      examples: [example(at(`list ${name}`), "One name per line")],
      run: "listDevices",
    }),
    row("remove", {
      aliases: ["rm"],
      args: [owner, { ...device, many: true }],
      summary: "Remove devices",
      examples: [example(at(`remove ${name} src`), "Remove one device")],
      run: "removeDevices",
    }),
    row("set", {
      args: [owner, device, keyValues],
      summary: "Set keys of a device",
      examples: [example(at(`set ${name} root size=20GiB`), "Let the root disk grow to 20 GiB")],
      run: "setDevice",
    }),
    row("show", {
      args: [owner],
      summary: "Show the devices with all their keys, as YAML",
      examples: [example(at(`show ${name}`), "Every device of its own")],
      run: "showDevices",
    }),
    row("unset", {
      args: [owner, device, key],
      summary: "Remove a key of a device",
      examples: [example(at(`unset ${name} root size`), "Remove the limit of the root disk")],
      run: "unsetDevice",
    }),
  ];
}
type DeviceVerb = Exclude<keyof typeof import("./commands/device.ts"), "overrideDevice">;

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
    flags: [all],
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
    load: async () => (await import("./commands/delete.ts")).remove,
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
    flags: [],
    summary: "Move an instance to another name",
    examples: [example("move web www", "From web to www")],
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
    load: async () => (await import("./commands/list.ts")).list,
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
    load: async () => (await import("./commands/info.ts")).info,
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
    flags: [{ name: "show-log", summary: "Print what the console showed so far" }],
    summary: "Attach to the console of an instance, or print its log",
    about: "Ctrl-a q ends the attachment.",
    examples: [
      example("console web", "Log in as at the machine itself"),
      example("console web --show-log", "What its init wrote while it started"),
    ],
    load: async () => (await import("./commands/console.ts")).console,
  },

  {
    path: "file push",
    args: [{ name: "source", kind: "file", many: true }, instancePath],
    flags: [
      ...copying,
      { name: "uid", value: "uid", isInteger: true, summary: "Owner (default that of the source)" },
      { name: "gid", value: "gid", isInteger: true, summary: "Group (default that of the source)" },
      { name: "mode", value: "mode", summary: "Mode in octal digits (default that of the source)" },
    ],
    summary: "Copy files into an instance",
    about: "A target that ends in a slash is a directory. The source - is standard input.",
    examples: [
      example("file push nginx.conf web/etc/nginx/", "One file into a directory"),
      example("file push -r site web/srv/ --uid 33 --gid 33", "A tree, owned by www-data"),
    ],
    load: async () => (await files()).push,
  },
  {
    path: "file pull",
    args: [{ ...instancePath, many: true }, { name: "target", kind: "file" }],
    flags: copying,
    summary: "Copy files out of an instance",
    about: "The target - is standard output.",
    examples: [
      example("file pull web/etc/hosts .", "One file"),
      example("file pull -r web/var/log .", "A tree"),
    ],
    load: async () => (await files()).pull,
  },
  {
    path: "file edit",
    args: [instancePath],
    flags: [],
    summary: "Edit a file of an instance in your editor",
    about: "Where standard input is no terminal, it becomes the content.",
    examples: [example("file edit web/etc/hosts", "In $VISUAL or $EDITOR")],
    load: async () => (await files()).edit,
  },
  {
    path: "file delete",
    aliases: ["rm"],
    args: [{ ...instancePath, many: true }],
    flags: [],
    summary: "Delete files or empty directories of instances",
    examples: [example("file delete web/etc/motd", "One file")],
    load: async () => (await files()).remove,
  },

  {
    path: "config metadata show",
    args: [instance],
    flags: [],
    summary: "Show the metadata of an instance, as YAML",
    examples: [example("config metadata show web", "What its image said")],
    load: async () => (await metadata()).show,
  },
  {
    path: "config metadata edit",
    args: [instance],
    flags: [],
    summary: "Edit the metadata of an instance in your editor",
    about: "Where standard input is no terminal, it is read as the new metadata.",
    examples: [example("config metadata edit web", "In $VISUAL or $EDITOR")],
    load: async () => (await metadata()).edit,
  },
  {
    path: "config template list",
    aliases: ["ls"],
    args: [instance],
    flags: [format],
    summary: "List the templates of an instance",
    examples: [example("config template list web", "Their names")],
    load: async () => (await metadata()).listTemplates,
  },
  {
    path: "config template show",
    args: [instance, template],
    flags: [],
    summary: "Print a template",
    examples: [example("config template show web hosts.tpl", "As it is")],
    load: async () => (await metadata()).showTemplate,
  },
  {
    path: "config template create",
    args: [instance, template],
    flags: [],
    summary: "Create a template",
    about: "Standard input becomes its content, unless it is a terminal.",
    examples: [example("config template create web hosts.tpl < hosts.tpl", "From a file")],
    load: async () => (await metadata()).createTemplate,
  },
  {
    path: "config template edit",
    args: [instance, template],
    flags: [],
    summary: "Edit a template in your editor",
    examples: [example("config template edit web hosts.tpl", "In $VISUAL or $EDITOR")],
    load: async () => (await metadata()).editTemplate,
  },
  {
    path: "config template delete",
    aliases: ["rm"],
    args: [instance, template],
    flags: [],
    summary: "Delete a template",
    examples: [example("config template delete web hosts.tpl", "One template")],
    load: async () => (await metadata()).deleteTemplate,
  },

  {
    path: "config get",
    args: [{ ...instance, optional: true }, key],
    flags: [property, { name: "expanded", short: "e", summary: "With what its profiles say" }],
    summary: "Print one key of an instance or of the server",
    examples: [
      example("config get web limits.memory", "Of an instance"),
      example("config get web description -p", "A property"),
      example("config get core.https_address", "Of the server"),
    ],
    load: async () => (await config()).get,
  },
  {
    path: "config set",
    args: [{ ...instance, optional: true }, keyValues],
    flags: [property],
    summary: "Set keys of an instance or of the server",
    about: "A value that is - is read from standard input.",
    examples: [
      example("config set web limits.memory=1GiB limits.cpu=2", "Limits, in force at once"),
      example("config set web description=Shop -p", "A property"),
      example("config set web user.user-data - < cloud.yaml", "A value from a file"),
    ],
    load: async () => (await config()).set,
  },
  {
    path: "config unset",
    args: [{ ...instance, optional: true }, key],
    flags: [property],
    summary: "Remove a key of an instance or of the server",
    examples: [example("config unset web limits.memory", "Remove a limit")],
    load: async () => (await config()).unset,
  },
  {
    path: "config show",
    args: [{ ...instance, optional: true }],
    flags: [{ name: "expanded", short: "e", summary: "With what its profiles say" }],
    summary: "Show the configuration of an instance or of the server, as YAML",
    examples: [
      example("config show web", "What the instance itself says"),
      example("config show web -e", "Together with its profiles"),
    ],
    load: async () => (await config()).show,
  },
  {
    path: "config edit",
    args: [{ ...instance, optional: true }],
    flags: [],
    summary: "Edit the configuration of an instance or of the server, as YAML",
    about: "Opens $VISUAL or $EDITOR; standard input is taken instead if it is no terminal.",
    examples: [
      example("config edit web", "In an editor"),
      example("config edit web < web.yaml", "From a file"),
    ],
    load: async () => (await config()).edit,
  },
  ...deviceRows("config device", instance, "instance"),
  {
    path: "config device override",
    args: [instance, device, { ...keyValues, optional: true }],
    flags: [],
    summary: "Copy a device of a profile into the instance and change it there",
    examples: [example("config device override web root size=20GiB", "A bigger root disk for one instance")],
    load: async () => (await devices()).overrideDevice,
  },

  {
    path: "image list",
    aliases: ["ls"],
    args: [{ name: "filter", kind: "image", remote: true, optional: true, many: true }],
    flags: [columns("lfpdatsu"), format, allProjects],
    summary: "List images",
    about: `A filter is part of an alias, the beginning of a fingerprint, or property=value.

Columns: l alias, L all aliases, f fingerprint, F whole fingerprint, p public, d description,
e project, a architecture, t type, s size, u uploaded`,
    examples: [
      example("image list", "Every image kept here"),
      example("image list os=Debian -c lfs", "Some of them, three columns"),
    ],
    load: async () => (await images()).list,
  },
  {
    path: "image info",
    args: [image],
    flags: [],
    summary: "Show what an image is",
    examples: [example("image info debian/12", "By alias"), example("image info 4f1a", "By fingerprint")],
    load: async () => (await images()).info,
  },
  {
    path: "image show",
    args: [image],
    flags: [],
    summary: "Show the properties of an image, as YAML",
    examples: [example("image show 4f1a", "Those that can be edited")],
    load: async () => (await images()).show,
  },
  {
    path: "image edit",
    args: [image],
    flags: [],
    summary: "Edit the properties of an image, as YAML",
    examples: [
      example("image edit 4f1a", "In an editor"),
      example("image edit 4f1a < new.yaml", "From a file"),
    ],
    load: async () => (await images()).edit,
  },
  {
    path: "image delete",
    aliases: ["rm"],
    args: [{ ...image, many: true }],
    flags: [],
    summary: "Delete images",
    examples: [example("image delete 4f1a", "By fingerprint"), example("image delete mine", "By alias")],
    load: async () => (await images()).remove,
  },
  {
    path: "image import",
    args: [
      { name: "tarball|directory|URL", kind: "file" },
      { name: "rootfs", kind: "file", optional: true },
      { ...keyValues, optional: true },
    ],
    flags: [
      { name: "public", summary: "Let everybody use it" },
      { name: "alias", value: "alias", isList: true, summary: "Name to give it" },
    ],
    summary: "Add an image from files",
    about: "Takes one file with everything, or the metadata and the root file system (tar or squashfs).",
    examples: [
      example("image import mine.tar.xz --alias mine", "One file"),
      example(
        "image import meta.tar.xz rootfs.squashfs --alias mine os=Debian",
        "Two files, with a property",
      ),
      example("image import ./tree --alias mine", "A directory with metadata.yaml and rootfs"),
    ],
    load: async () => (await imageFiles()).importImage,
  },
  {
    path: "image export",
    args: [image, { name: "target", kind: "file", optional: true }],
    flags: [],
    summary: "Write an image to files",
    examples: [
      example("image export mine", "Into this directory"),
      example("image export mine /tmp/mine", "With a name of one's own; the ending is added"),
    ],
    load: async () => (await imageFiles()).exportImage,
  },
  {
    path: "image alias create",
    args: [alias, { name: "fingerprint", kind: "image" }],
    flags: [{ name: "description", value: "text", summary: "What the alias stands for" }],
    summary: "Give an image a name",
    examples: [example("image alias create mine 4f1a", "So that it can be launched as mine")],
    load: async () => (await aliases()).create,
  },
  {
    path: "image alias delete",
    aliases: ["rm"],
    args: [alias],
    flags: [],
    summary: "Remove the name of an image",
    examples: [example("image alias delete mine", "The image stays")],
    load: async () => (await aliases()).remove,
  },
  {
    path: "image alias list",
    aliases: ["ls"],
    args: [{ name: "filter", kind: "alias", remote: true, optional: true, many: true }],
    flags: [format],
    summary: "List the names of images",
    examples: [
      example("image alias list", "Every alias"),
      example("image alias list deb", "Those with deb in them"),
    ],
    load: async () => (await aliases()).list,
  },
  {
    path: "image alias rename",
    aliases: ["mv"],
    args: [alias, newName],
    flags: [],
    summary: "Rename an alias",
    examples: [example("image alias rename mine ours", "From mine to ours")],
    load: async () => (await aliases()).rename,
  },

  {
    path: "profile list",
    aliases: ["ls"],
    args: [remote],
    flags: [format, allProjects],
    summary: "List profiles",
    examples: [example("profile list", "Every profile with the number of its users")],
    load: async () => (await profiles()).list,
  },
  {
    path: "profile show",
    args: [profile],
    flags: [],
    summary: "Show a profile, as YAML",
    examples: [example("profile show default", "The one every instance gets")],
    load: async () => (await profiles()).show,
  },
  {
    path: "profile create",
    args: [profile],
    flags: [{ name: "description", value: "text", summary: "What the profile is for" }],
    summary: "Create a profile",
    about: "A file as standard input is read as its YAML.",
    examples: [
      example("profile create small", "An empty one"),
      example("profile create small < small.yaml", "With configuration and devices"),
    ],
    load: async () => (await profiles()).create,
  },
  {
    path: "profile delete",
    aliases: ["rm"],
    args: [{ ...profile, many: true }],
    flags: [],
    summary: "Delete profiles",
    examples: [example("profile delete small", "One that no instance uses")],
    load: async () => (await profiles()).remove,
  },
  {
    path: "profile copy",
    aliases: ["cp"],
    args: [profile, { ...profile, name: "new-name" }],
    flags: [],
    summary: "Copy a profile",
    examples: [example("profile copy default small", "A second one to change")],
    load: async () => (await profiles()).copy,
  },
  {
    path: "profile rename",
    aliases: ["mv"],
    args: [profile, newName],
    flags: [],
    summary: "Rename a profile",
    examples: [example("profile rename small tiny", "From small to tiny")],
    load: async () => (await profiles()).rename,
  },
  {
    path: "profile edit",
    args: [profile],
    flags: [],
    summary: "Edit a profile, as YAML",
    examples: [
      example("profile edit small", "In an editor"),
      example("profile edit small < s.yaml", "From a file"),
    ],
    load: async () => (await profiles()).edit,
  },
  {
    path: "profile get",
    args: [profile, key],
    flags: [property],
    summary: "Print one key of a profile",
    examples: [example("profile get small limits.memory", "One limit")],
    load: async () => (await profiles()).get,
  },
  {
    path: "profile set",
    args: [profile, keyValues],
    flags: [property],
    summary: "Set keys of a profile",
    examples: [example("profile set small limits.memory=512MiB", "In force at once for who uses it")],
    load: async () => (await profiles()).set,
  },
  {
    path: "profile unset",
    args: [profile, key],
    flags: [property],
    summary: "Remove a key of a profile",
    examples: [example("profile unset small limits.memory", "Remove a limit")],
    load: async () => (await profiles()).unset,
  },
  {
    path: "profile assign",
    aliases: ["apply"],
    args: [instance, { name: "profiles", kind: "profile" }],
    flags: [],
    summary: "Replace the profiles of an instance",
    examples: [
      example("profile assign web default,small", "These two, in this order"),
      example("profile assign web ''", "None"),
    ],
    load: async () => (await profiles()).assign,
  },
  {
    path: "profile add",
    args: [instance, { name: "profile", kind: "profile" }],
    flags: [],
    summary: "Add a profile to an instance",
    examples: [example("profile add web small", "After those it has")],
    load: async () => (await profiles()).add,
  },
  {
    path: "profile remove",
    args: [instance, { name: "profile", kind: "profile" }],
    flags: [],
    summary: "Take a profile from an instance",
    examples: [example("profile remove web small", "The profile itself stays")],
    load: async () => (await profiles()).take,
  },
  ...deviceRows("profile device", profile, "profile"),

  {
    path: "storage list",
    aliases: ["ls"],
    args: [remote],
    flags: [format],
    summary: "List storage pools",
    examples: [example("storage list", "Every pool, its driver and who uses it")],
    load: async () => (await storage()).list,
  },
  {
    path: "storage show",
    args: [pool],
    flags: [],
    summary: "Show a storage pool, as YAML",
    examples: [example("storage show default", "Its configuration and who uses it")],
    load: async () => (await storage()).show,
  },
  {
    path: "storage info",
    args: [pool],
    flags: [{ name: "bytes", summary: "Sizes in bytes" }],
    summary: "Show the space of a storage pool",
    examples: [example("storage info default", "Used and free")],
    load: async () => (await storage()).info,
  },

  {
    path: "operation list",
    aliases: ["ls"],
    args: [remote],
    flags: [format, allProjects],
    summary: "List what runs in the background",
    examples: [example("operation list", "Every operation that is remembered")],
    load: async () => (await operations()).list,
  },
  {
    path: "operation show",
    args: [operation],
    flags: [],
    summary: "Show an operation, as YAML",
    examples: [example("operation show 7f0c8e1a-3c1b-4b7e-9d8e-0a5b5c7f2f11", "By its id")],
    load: async () => (await operations()).show,
  },
  {
    path: "operation delete",
    aliases: ["cancel", "rm"],
    args: [operation],
    flags: [],
    summary: "Cancel an operation",
    examples: [example("operation delete 7f0c8e1a-3c1b-4b7e-9d8e-0a5b5c7f2f11", "If it can be cancelled")],
    load: async () => (await operations()).cancel,
  },

  {
    path: "monitor",
    args: [remote],
    flags: [
      {
        name: "type",
        value: "type",
        isList: true,
        choices: ["lifecycle", "operation", "logging"],
        summary: "Only events of this type: lifecycle, operation or logging",
      },
      {
        name: "format",
        short: "f",
        value: "format",
        choices: ["yaml", "json", "pretty"],
        default: "yaml",
        summary: "Format: yaml, json or pretty",
      },
      { name: "pretty", summary: "The same as --format pretty" },
      allProjects,
    ],
    summary: "Print what happens, as it happens",
    examples: [
      example("monitor --pretty", "One line per event"),
      example("monitor --type lifecycle --format json", "Starts, stops, changes; for programs"),
    ],
    load: async () => (await import("./commands/monitor.ts")).monitor,
  },
  {
    path: "query",
    args: [{ name: "API path", kind: "text", remote: true }],
    flags: [
      {
        name: "request",
        short: "X",
        value: "method",
        default: "GET",
        summary: "Method of the request (default GET)",
      },
      { name: "data", short: "d", value: "JSON", summary: "Body of the request; - reads standard input" },
      { name: "wait", short: "w", summary: "Wait for the operation to end" },
      { name: "raw", summary: "Print the whole answer, not only its metadata" },
    ],
    summary: "Send a request to the API",
    examples: [
      example("query /1.0/instances?recursion=1", "Read"),
      example(`query -X PUT -d '{"action":"stop"}' --wait /1.0/instances/web/state`, "Change, and wait"),
    ],
    load: async () => (await import("./commands/query.ts")).query,
  },

  {
    path: "remote list",
    aliases: ["ls"],
    args: [],
    flags: [format],
    summary: "List remotes",
    examples: [example("remote list", "Names that may stand before a colon")],
    load: async () => (await remotes()).list,
  },
  {
    path: "remote get-default",
    args: [],
    flags: [],
    summary: "Print the remote that is meant when none is named",
    examples: [example("remote get-default", "One word")],
    load: async () => (await remotes()).getDefault,
  },

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
    load: async () => (await import("./commands/doctor.ts")).doctor,
  },
  {
    path: "serve",
    args: [],
    flags: [{
      name: "socket",
      value: "path",
      summary: "Where to listen, instead of unix.socket in the state directory",
    }],
    summary: "Serve the API on a unix socket until told to end",
    about: "Instances do not depend on it: it may come and go while they run.",
    examples: [example("serve", "In the foreground, on unix.socket in the state directory")],
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
    load: async () => (await import("./commands/completion.ts")).completion,
  },
  {
    path: "__complete",
    args: [{ name: "word", kind: "text", many: true, optional: true }],
    flags: [],
    endsFlags: true,
    isHidden: true,
    summary: "Print the words that may come next; called by completion scripts",
    examples: [example("__complete exec w", "Instances that begin with w")],
    load: async () => (await import("./commands/completion.ts")).complete,
  },
  {
    path: "help",
    args: [{ name: "command", kind: "text", many: true, optional: true }],
    flags: [],
    summary: "Show how to use drey, or one command",
    examples: [example("help launch", "The same as: launch --help")],
    load: async () => (await import("./commands/help.ts")).help,
  },
  {
    path: "version",
    args: [remote],
    flags: [],
    summary: "Show the versions of drey and of the server it talks to",
    examples: [example("version", "Both")],
    load: async () => (await import("./commands/version.ts")).version,
  },
];
