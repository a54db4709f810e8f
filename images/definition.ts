// Definitions of images in the manner of distrobuilder: which packages, files and actions make an image of a Debian or
// Ubuntu suite. What has no meaning here is refused by name, so that nobody counts on it.

import { DreyError } from "../errors.ts";
import { parseAlias, type Suite, type Variant } from "./debian_suites.ts";
import type { Recipe } from "./debian_recipe.ts";
import { debianArchitecture, kernelArchitecture } from "./metadata.ts";

export interface Definition {
  suite: Suite;
  variant: Variant;
  /** kernel's name of the architecture, if one was asked for */
  architecture: string | undefined;
  adapt(recipe: Recipe): Recipe;
}

type Json = Record<string, unknown>;

/** The keys that are read, by their section. */
const known: Record<string, readonly string[]> = {
  "": ["image", "source", "packages", "files", "actions", "targets", "mappings"],
  image: [
    ...["name", "distribution", "release", "architecture", "description", "variant", "serial"],
    "properties",
  ],
  source: ["downloader", "url", "components", "suite", "variant", "keys", "keyserver", "same_as"],
  packages: ["manager", "update", "cleanup", "sets", "repositories"],
  "packages.sets": ["packages", "action", "architectures", "releases", "variants", "types", "early"],
  "packages.repositories": ["name", "url", "architectures", "releases", "variants", "types"],
  files: [
    ...["generator", "path", "content", "mode", "uid", "gid", "name", "template", "types", "pongo"],
    ...["architectures", "releases", "variants"],
  ],
  "files.template": ["when", "properties", "create_only"],
  actions: ["trigger", "action", "architectures", "releases", "variants", "types", "pongo"],
};

/**
 * Reads a definition.
 *
 * @throws {DreyError} `BAD_REQUEST` naming what cannot be used, `NOT_FOUND` for an unknown release
 */
export function readDefinition(document: unknown): Definition {
  const root = section(document, "");
  const image = section(root.image ?? {}, "image");
  const source = section(root.source ?? {}, "source");
  const packages = section(root.packages ?? {}, "packages");
  const distribution = text(image.distribution) || "debian";
  const named = text(image.architecture);
  const wanted = parseAlias(
    `${distribution}/${text(image.release) || text(source.suite)}`,
    kernelArchitecture,
  );
  const downloader = text(source.downloader) || "debootstrap";
  if (downloader !== "debootstrap" && downloader !== "mmdebstrap") {
    throw bad(`the downloader "${downloader}" is not there; images are made by mmdebstrap`);
  }
  const manager = text(packages.manager) || "apt";
  if (manager !== "apt") throw bad(`the package manager "${manager}" is not there; it is apt`);
  const variant = text(image.variant) || "default";
  const filter = { release: wanted.suite.codename, variant, architecture: named };
  const lists = {
    sets: entries(packages.sets, "packages.sets").filter((row) => applies(row, filter)),
    repositories: entries(packages.repositories, "packages.repositories").filter((row) =>
      applies(row, filter)
    ),
    files: entries(root.files, "files").filter((row) => applies(row, filter)),
    actions: entries(root.actions, "actions").filter((row) => applies(row, filter)),
  };
  // read now, so that what is wrong is said before anything is built
  const steps = stepsOf(lists);
  return {
    suite: wanted.suite,
    variant: variant === "cloud" || variant === "minimal" ? variant : "default",
    architecture: named === "" ? undefined : kernelArchitecture(named),
    adapt: (recipe) => ({
      ...recipe,
      sources: sourcesOf(recipe, { source, repositories: lists.repositories }),
      packages: [...new Set([...recipe.packages, ...steps.install])],
      variant,
      hooks: {
        essential: [...recipe.hooks.essential, ...steps.essential],
        customize: [...recipe.hooks.customize, ...steps.customize],
      },
      templates: [...recipe.templates, ...steps.templates],
      properties: propertiesOf(image),
    }),
  };
}

function propertiesOf(image: Json): Record<string, string> {
  const { name, description, serial } = image;
  const named = { name: text(name), description: text(description), serial: text(serial) };
  const more = Object.entries(section(image.properties ?? {})).map(([key, value]) => [key, text(value)]);
  return Object.fromEntries([...Object.entries(named), ...more].filter(([, value]) => value !== ""));
}

function sourcesOf(
  { sources, suite }: Recipe,
  { source, repositories }: { source: Json; repositories: Json[] },
): string[] {
  const url = text(source.url);
  const components = Array.isArray(source.components) ? source.components.map(text).join(" ") : "";
  const main = url === ""
    ? sources.map((line) => components === "" ? line : line.replace(/^(\S+ \S+ \S+) .*/, `$1 ${components}`))
    : [`deb ${url} ${suite.codename} ${components || "main"}`];
  const lines = repositories.flatMap(({ url }) => text(url).split("\n").map((line) => line.trim()));
  for (const line of lines) {
    if (line !== "" && !/^deb(-src)? \S+ \S+/.test(line)) throw bad(`"${line}" is no line of sources.list`);
  }
  return [...main, ...lines.filter((line) => line !== "")];
}

interface Steps {
  install: string[];
  essential: string[];
  customize: string[];
  templates: Recipe["templates"];
}

function stepsOf({ sets, files, actions }: { sets: Json[]; files: Json[]; actions: Json[] }): Steps {
  const names = (action: string) =>
    sets.filter((set) => (text(set.action) || "install") === action)
      .flatMap(({ packages }) => Array.isArray(packages) ? packages.map(text) : []);
  const [install, removed] = [names("install"), names("remove")];
  for (const name of [...install, ...removed]) {
    if (!/^[a-z0-9][a-z0-9.+:~=-]+(\/[a-z-]+)?$/.test(name)) throw bad(`"${name}" is no name of a package`);
  }
  const at = (trigger: string) =>
    actions.filter((row) => text(row.trigger) === trigger).map((row) => actionHook(text(row.action)));
  const triggers = ["post-unpack", "post-update", "post-packages", "post-files"];
  const strange = actions.find((row) => !triggers.includes(text(row.trigger)));
  if (strange !== undefined) {
    throw bad(`the trigger "${text(strange.trigger)}" is none of ${triggers.join(", ")}`);
  }
  const made = files.map(fileStep);
  return {
    install,
    essential: at("post-unpack"),
    customize: [
      ...at("post-update"),
      ...(removed.length === 0 ? [] : [`chroot "$1" apt-get -y --purge remove ${removed.join(" ")}`]),
      ...at("post-packages"),
      ...made.flatMap(({ hook }) => hook ?? []),
      ...at("post-files"),
    ],
    templates: made.flatMap(({ template }) => template ?? []),
  };
}

function fileStep(file: Json): { hook?: string; template?: Recipe["templates"][number] } {
  const path = text(file.path);
  const generator = text(file.generator) || "dump";
  if (!path.startsWith("/") || path.split("/").includes("..")) throw bad(`"${path}" is no path of a file`);
  const content = text(file.content);
  switch (generator) {
    case "dump":
      return { hook: fileHook(path, file) };
    case "remove":
      return { hook: `chroot "$1" rm -rf -- ${quote(path)}` };
    case "hostname":
      return { template: templateOf(path, file, content || "{{ instance.name }}\n") };
    case "hosts":
      return {
        template: templateOf(path, file, content || "127.0.0.1\tlocalhost\n127.0.1.1\t{{ instance.name }}\n"),
      };
    case "template":
      return { template: templateOf(path, file, content) };
    default:
      throw bad(`the generator "${generator}" is none of dump, remove, hostname, hosts, template`);
  }
}

function templateOf(path: string, file: Json, content: string): Recipe["templates"][number] {
  const { when, properties, create_only } = section(file.template ?? {}, "files.template");
  const name = text(file.name) || path.slice(1).replaceAll("/", "-");
  if (!/^[\w.-]+$/.test(name)) throw bad(`"${name}" is no name of a template`);
  const occasions = ["create", "copy", "start", "rename"] as const;
  const chosen = Array.isArray(when) ? occasions.filter((word) => when.includes(word)) : [];
  return {
    path,
    template: `${name}.tpl`,
    when: chosen.length === 0 ? ["create", "copy"] : chosen,
    create_only: create_only === true,
    properties: Object.fromEntries(Object.entries(section(properties ?? {})).map(([k, v]) => [k, text(v)])),
    text: content,
  };
}

/** In the new root, so that no link of it leads out; as base64, so that no shell reads the content. */
function fileHook(path: string, { content, mode, uid, gid }: Json): string {
  const octal = text(mode) || "0644";
  if (!/^[0-7]{3,4}$/.test(octal)) throw bad(`"${octal}" is no mode of a file`);
  const owner = [uid ?? 0, gid ?? 0].map((id) => {
    if (/^\d+$/.test(text(id))) return text(id);
    throw bad(`"${text(id)}" is no id of an owner`);
  }).join(":");
  const script = 'mkdir -p "$(dirname "$1")"; base64 -d >"$1"; chown "$2" "$1"; chmod "$3" "$1"';
  return `printf %s '${base64(text(content))}' | chroot "$1" sh -euc ${quote(script)} sh ${
    quote(path)
  } ${owner} ${octal}`;
}

function actionHook(action: string): string {
  const script = action.startsWith("#!") ? action : `#!/bin/sh\nset -eu\n${action}`;
  const run = 'base64 -d >/.action; chmod 700 /.action; trap "rm -f /.action" EXIT; /.action';
  return `printf %s '${base64(script)}' | chroot "$1" sh -euc ${quote(run)}`;
}

/** Whether a row with conditions is for this image. */
function applies(row: Json, wanted: { release: string; variant: string; architecture: string }): boolean {
  const fits = (list: unknown, value: string) => !Array.isArray(list) || list.map(text).includes(value);
  const architecture = wanted.architecture || debianArchitecture(Deno.build.arch);
  const isForContainers = !Array.isArray(row.types) || row.types.includes("container");
  return fits(row.releases, wanted.release) && fits(row.variants, wanted.variant) && isForContainers &&
    (fits(row.architectures, architecture) ||
      fits(row.architectures, kernelArchitecture(architecture) ?? ""));
}

/** A map with no other keys than those of its section. */
function section(value: unknown, name?: string): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw bad(`${name || "it"} is not a map`);
  }
  const keys = name === undefined ? undefined : known[name];
  const strange = keys && Object.keys(value).find((key) => !keys.includes(key));
  if (strange !== undefined) throw bad(`the key "${name ? `${name}.` : ""}${strange}" is not supported`);
  return value as Json;
}

function entries(value: unknown, name: string): Json[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw bad(`${name} is not a list`);
  return value.map((row) => section(row, name));
}

function text(value: unknown): string {
  return typeof value === "string"
    ? value
    : typeof value === "number" || typeof value === "boolean"
    ? `${value}`
    : "";
}

const quote = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;
const base64 = (content: string) => new TextEncoder().encode(content).toBase64();
const bad = (why: string) => new DreyError("BAD_REQUEST", { message: `Cannot use the definition: ${why}` });
