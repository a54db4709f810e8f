// Rows of the commands of images and their aliases.

import type { Arg, Command, Flag, Group } from "../command.ts";
import {
  allProjects,
  columns,
  example,
  force,
  format,
  image,
  instance,
  key,
  keyValues,
  newName,
  remote,
} from "./words.ts";

const alias: Arg = { name: "alias", kind: "alias", remote: true };

const vm: Flag = { name: "vm", summary: "The image for virtual machines, where the name has both kinds" };

const compression: Flag = {
  name: "compression",
  value: "algorithm",
  summary: "Compress with gzip, bzip2, xz, lzma, zstd or none, with a level if wanted",
};

const images = () => import("../commands/image.ts");
const imageFiles = () => import("../commands/image_files.ts");
const imageChange = () => import("../commands/image_change.ts");
const aliases = () => import("../commands/image_alias.ts");

export const groups: readonly Group[] = [
  { path: "image", summary: "Images instances are made from" },
  { path: "image alias", summary: "Names of images" },
];

export const commands: readonly Command[] = [
  {
    path: "publish",
    args: [
      { ...instance, name: "instance[/snapshot]" },
      { ...keyValues, remote: true, optional: true },
    ],
    flags: [
      { name: "alias", value: "alias", isList: true, summary: "Name to give the image" },
      { name: "public", summary: "Let everybody use the image" },
      force("Stop the instance first, and start it again afterwards"),
      compression,
      {
        name: "expire",
        value: "date",
        summary: "When the image expires: 2027-01-31, or 2027-01-31T12:00:00Z",
      },
      { name: "reuse", summary: "Replace the image that has the alias now" },
    ],
    summary: "Make an image of an instance or a snapshot",
    about: "Properties are given as key=value; without any, those of the instance's own image are kept.",
    examples: [
      example("publish web --alias web-ready", "An image of a stopped instance"),
      example(
        "publish web/clean --alias clean os=Debian --compression zstd",
        "Of a snapshot, with a property",
      ),
      example(
        "publish web --force --reuse --alias web-ready",
        "Of a running one, in the place of the last one",
      ),
    ],
    load: async () => (await import("../commands/publish.ts")).publish,
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
    flags: [vm],
    summary: "Show what an image is",
    examples: [example("image info debian/12", "By alias"), example("image info 4f1a", "By fingerprint")],
    load: async () => (await images()).info,
  },
  {
    path: "image show",
    args: [image],
    flags: [vm],
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
    path: "image copy",
    aliases: ["cp"],
    args: [image, { name: "remote", kind: "remote", remote: true }],
    flags: [
      { name: "alias", value: "alias", isList: true, summary: "Name to give the copy" },
      { name: "copy-aliases", summary: "Give the copy the names of the original" },
      { name: "auto-update", summary: "Keep the copy up to date" },
      { name: "public", summary: "Let everybody use the copy" },
      { ...vm },
      {
        name: "mode",
        value: "mode",
        choices: ["pull", "push", "relay"],
        default: "pull",
        summary: "Who carries it: the target (pull), the source (push) or this side (relay)",
      },
      { name: "target-project", value: "project", summary: "Project of the copy" },
      {
        name: "profile",
        short: "p",
        value: "profile",
        isList: true,
        summary: "Profile of instances made of it",
      },
    ],
    summary: "Copy an image to another remote",
    examples: [
      example("image copy images:debian/12 local: --alias deb --auto-update", "Keep a public image here"),
      example("image copy web-ready other: --copy-aliases --mode push", "Send one of ours to another server"),
    ],
    load: async () => (await import("../commands/image_copy.ts")).copy,
  },
  {
    path: "image prune",
    args: [remote],
    flags: [{ name: "plan", summary: "Only show what would go" }, format],
    summary: "Remove what is kept of images and used by no instance",
    about:
      "Goes: fetched images, unpacked files, begun downloads and lists of servers. Instances lose nothing.",
    examples: [
      example("image prune --plan", "What would go, and how much it is"),
      example("image prune", "Make room"),
    ],
    load: async () => (await import("../commands/image_prune.ts")).prune,
  },
  {
    path: "image build",
    args: [{ name: "definition", kind: "file" }, {
      name: "remote",
      kind: "remote",
      remote: true,
      optional: true,
    }],
    flags: [
      { name: "alias", value: "alias", isList: true, summary: "Name to give the image" },
      { name: "public", summary: "Let everybody use the image" },
    ],
    summary: "Build an image from a definition in YAML",
    about: "Packages, files and actions for Debian and Ubuntu, by distrobuilder's keys; see docs/images.md.",
    examples: [
      example("image build web.yaml --alias web", "From a file"),
      example("image build - --alias web < web.yaml", "From standard input"),
    ],
    load: async () => (await import("../commands/image_build.ts")).build,
  },
  {
    path: "image refresh",
    args: [{ ...image, many: true, optional: true }],
    flags: [{ name: "all", summary: "Every image that is to be kept up to date" }],
    summary: "Fetch what the remote of an image has now",
    examples: [
      example("image refresh deb", "A newer one takes the place and the names of the old one"),
      example("image refresh --all", "What drey serve does every six hours"),
    ],
    load: async () => (await imageChange()).refresh,
  },
  {
    path: "image get-property",
    args: [image, key],
    flags: [],
    summary: "Show one property of an image",
    examples: [example("image get-property deb release", "One value")],
    load: async () => (await imageChange()).getProperty,
  },
  {
    path: "image set-property",
    args: [image, key, { name: "value", kind: "text" }],
    flags: [],
    summary: "Set one property of an image",
    examples: [example("image set-property deb description Ours", "A name for people")],
    load: async () => (await imageChange()).setProperty,
  },
  {
    path: "image unset-property",
    args: [image, key],
    flags: [],
    summary: "Remove one property of an image",
    examples: [example("image unset-property deb description", "Gone")],
    load: async () => (await imageChange()).unsetProperty,
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
];
