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

const vm: Flag = { name: "vm", summary: "Use the image for virtual machines" };

const compression: Flag = {
  name: "compression",
  value: "algorithm",
  summary: "Compression: none, gzip, bzip2, xz, lzma or zstd, with an optional level",
};

const images = () => import("../commands/image.ts");
const imageFiles = () => import("../commands/image_files.ts");
const imageChange = () => import("../commands/image_change.ts");
const aliases = () => import("../commands/image_alias.ts");

export const groups: readonly Group[] = [
  { path: "image", summary: "Manage images" },
  { path: "image alias", summary: "Manage image aliases" },
];

export const commands: readonly Command[] = [
  {
    path: "publish",
    args: [
      { ...instance, name: "instance[/snapshot]" },
      { ...keyValues, remote: true, optional: true },
    ],
    flags: [
      { name: "alias", value: "alias", isList: true, summary: "Alias of the new image" },
      { name: "public", summary: "Make the image public" },
      force("Stop a running instance first and start it again"),
      compression,
      {
        name: "expire",
        value: "date",
        summary: "When the image expires: 2027-01-31, or 2027-01-31T12:00:00Z",
      },
      { name: "reuse", summary: "Replace an existing image of the same alias" },
    ],
    summary: "Publish an instance or a snapshot as an image",
    about: "Properties are given as key=value; without any, those of the image of the instance are kept.",
    examples: [
      example("publish web --alias web-ready", "Publish a stopped instance"),
      example(
        "publish web/clean --alias clean os=Debian --compression zstd",
        "Publish a snapshot, with a property",
      ),
      example(
        "publish web --force --reuse --alias web-ready",
        "Publish a running instance and replace the earlier image",
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
    about: `A filter is part of an alias, the beginning of a fingerprint or property=value.

Columns: l alias, L all aliases, f fingerprint, F whole fingerprint, p public, d description,
e project, a architecture, t type, s size, u uploaded`,
    examples: [
      example("image list", "List local images"),
      example("image list os=Debian -c lfs", "List Debian images in three columns"),
    ],
    load: async () => (await images()).list,
  },
  {
    path: "image info",
    args: [image],
    flags: [vm],
    summary: "Show information about an image",
    examples: [
      example("image info debian/12", "Look it up by alias"),
      example("image info 4f1a", "Look it up by fingerprint"),
    ],
    load: async () => (await images()).info,
  },
  {
    path: "image show",
    args: [image],
    flags: [vm],
    summary: "Show the properties of an image, as YAML",
    examples: [example("image show 4f1a", "Show the properties of an image")],
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
    examples: [
      example("image delete 4f1a", "Delete by fingerprint"),
      example("image delete mine", "Delete by alias"),
    ],
    load: async () => (await images()).remove,
  },
  {
    path: "image copy",
    aliases: ["cp"],
    args: [image, { name: "remote", kind: "remote", remote: true }],
    flags: [
      { name: "alias", value: "alias", isList: true, summary: "Alias of the copy" },
      { name: "copy-aliases", summary: "Copy the aliases too" },
      { name: "auto-update", summary: "Update the copy automatically" },
      { name: "public", summary: "Make the copy public" },
      { ...vm },
      {
        name: "mode",
        value: "mode",
        choices: ["pull", "push", "relay"],
        default: "pull",
        summary: "Transfer mode: pull, push or relay",
      },
      { name: "target-project", value: "project", summary: "Project of the copy" },
      {
        name: "profile",
        short: "p",
        value: "profile",
        isList: true,
        summary: "Profile to apply to instances created from it",
      },
    ],
    summary: "Copy an image to another remote",
    examples: [
      example(
        "image copy images:debian/12 local: --alias deb --auto-update",
        "Keep a local copy of a public image",
      ),
      example(
        "image copy web-ready other: --copy-aliases --mode push",
        "Push a local image to another server",
      ),
    ],
    load: async () => (await import("../commands/image_copy.ts")).copy,
  },
  {
    path: "image prune",
    args: [remote],
    flags: [{ name: "plan", summary: "Only show what would be removed" }, format],
    summary: "Remove cached image files that no instance uses",
    about:
      "Removes downloaded images, unpacked files, partial downloads and cached indexes. Instances are not affected.",
    examples: [
      example("image prune --plan", "Show what would be removed, and its size"),
      example("image prune", "Free the space"),
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
      { name: "alias", value: "alias", isList: true, summary: "Alias of the new image" },
      {
        name: "option",
        short: "o",
        value: "key=value",
        isList: true,
        summary: "Set a key of the definition, such as image.release",
      },
      { name: "public", summary: "Make the image public" },
    ],
    summary: "Build an image from a definition in YAML",
    about:
      "The definition uses distrobuilder's keys: packages, files and actions for Debian and Ubuntu. See docs/images.md.",
    examples: [
      example("image build web.yaml --alias web", "Build from a file"),
      example("image build - --alias web < web.yaml", "Build from standard input"),
      example(
        "image build debian.yaml -o image.release=trixie",
        "Build for a release that the file leaves open",
      ),
    ],
    load: async () => (await import("../commands/image_build.ts")).build,
  },
  {
    path: "image refresh",
    args: [{ ...image, many: true, optional: true }],
    flags: [{ name: "all", summary: "Refresh every image with auto-update" }],
    summary: "Update images from their remotes",
    examples: [
      example("image refresh deb", "Replace an image with the current one of its remote"),
      example("image refresh --all", "Refresh all; drey serve does this every 6 hours"),
    ],
    load: async () => (await imageChange()).refresh,
  },
  {
    path: "image get-property",
    args: [image, key],
    flags: [],
    summary: "Print a property of an image",
    examples: [example("image get-property deb release", "Print the release")],
    load: async () => (await imageChange()).getProperty,
  },
  {
    path: "image set-property",
    args: [image, key, { name: "value", kind: "text" }],
    flags: [],
    summary: "Set a property of an image",
    examples: [example("image set-property deb description Ours", "Change the description")],
    load: async () => (await imageChange()).setProperty,
  },
  {
    path: "image unset-property",
    args: [image, key],
    flags: [],
    summary: "Remove a property of an image",
    examples: [example("image unset-property deb description", "Remove the description")],
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
      { name: "public", summary: "Make the image public" },
      { name: "alias", value: "alias", isList: true, summary: "Alias of the image" },
    ],
    summary: "Import an image from files",
    about: "Takes a unified tarball, or a metadata tarball and a root file system (tar or squashfs).",
    examples: [
      example("image import mine.tar.xz --alias mine", "Import a unified tarball"),
      example(
        "image import meta.tar.xz rootfs.squashfs --alias mine os=Debian",
        "Import a split image, with a property",
      ),
      example("image import ./tree --alias mine", "Import a directory with metadata.yaml and rootfs"),
    ],
    load: async () => (await imageFiles()).importImage,
  },
  {
    path: "image export",
    args: [image, { name: "target", kind: "file", optional: true }],
    flags: [],
    summary: "Export an image to files",
    examples: [
      example("image export mine", "Export to the current directory"),
      example("image export mine /tmp/mine", "Export under this name; the suffix is added"),
      example("image export mine -", "Write an image of one file to standard output"),
    ],
    load: async () => (await imageFiles()).exportImage,
  },
  {
    path: "image alias create",
    args: [alias, { name: "fingerprint", kind: "image" }],
    flags: [{ name: "description", value: "text", summary: "Description of the alias" }],
    summary: "Create an alias for an image",
    examples: [example("image alias create mine 4f1a", "Make it available as mine")],
    load: async () => (await aliases()).create,
  },
  {
    path: "image alias delete",
    aliases: ["rm"],
    args: [alias],
    flags: [],
    summary: "Delete an alias",
    examples: [example("image alias delete mine", "Delete the alias and keep the image")],
    load: async () => (await aliases()).remove,
  },
  {
    path: "image alias list",
    aliases: ["ls"],
    args: [{ name: "filter", kind: "alias", remote: true, optional: true, many: true }],
    flags: [format],
    summary: "List image aliases",
    examples: [
      example("image alias list", "List every alias"),
      example("image alias list deb", "List aliases that contain deb"),
    ],
    load: async () => (await aliases()).list,
  },
  {
    path: "image alias rename",
    aliases: ["mv"],
    args: [alias, newName],
    flags: [],
    summary: "Rename an alias",
    examples: [example("image alias rename mine ours", "Rename mine to ours")],
    load: async () => (await aliases()).rename,
  },
];
