// The files and actions of a definition, as scripts that run in the new root and as templates of the image.

import { basename } from "@std/path";
import { bad, type Json, section, text } from "./definition_document.ts";
import { cloudTemplates, type Recipe } from "./debian_recipe.ts";

/** Fills in what a text says of the image. */
export type Fill = (template: string) => string;

export interface Steps {
  install: string[];
  essential: string[];
  customize: string[];
  templates: Recipe["templates"];
}

/** What the rows of a definition come to. @throws {DreyError} `BAD_REQUEST` */
export function stepsOf(
  { sets, files, actions }: { sets: Json[]; files: Json[]; actions: Json[] },
  fill: Fill,
): Steps {
  const names = (action: string) =>
    sets.filter((set) => (text(set.action) || "install") === action)
      .flatMap(({ packages }) => Array.isArray(packages) ? packages.map(text) : []);
  const [install, removed] = [names("install"), names("remove")];
  for (const name of [...install, ...removed]) {
    if (!/^[a-z0-9][a-z0-9.+:~=-]+(\/[a-z-]+)?$/.test(name)) throw bad(`"${name}" is no name of a package`);
  }
  const at = (trigger: string) =>
    actions.filter((row) => text(row.trigger) === trigger)
      .map((row) => actionHook(filled(row, text(row.action), fill)));
  const triggers = ["post-unpack", "post-update", "post-packages", "post-files"];
  const strange = actions.find((row) => !triggers.includes(text(row.trigger)));
  if (strange !== undefined) {
    throw bad(`the trigger "${text(strange.trigger)}" is none of ${triggers.join(", ")}`);
  }
  const made = files.map((file) => fileStep(file, fill));
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

/** A text of a row, filled in if the row asks for that. */
const filled = (row: Json, content: string, fill: Fill) => row.pongo === true ? fill(content) : content;

function fileStep(file: Json, fill: Fill): { hook?: string; template?: Recipe["templates"][number] } {
  const generator = text(file.generator) || "dump";
  const path = filled(file, text(file.path), fill);
  const content = filled(file, text(file.content), fill);
  const hasUsualPath = generator === "cloud-init" && path === "";
  if (!hasUsualPath && (!path.startsWith("/") || path.split("/").includes(".."))) {
    throw bad(`"${path}" is no path of a file`);
  }
  switch (generator) {
    case "cloud-init":
      return { template: cloudTemplate(file, { path, content }) };
    case "dump":
      return { hook: fileHook(path, { ...file, content }) };
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
      throw bad(
        `the generator "${generator}" is none of cloud-init, dump, remove, hostname, hosts, template`,
      );
  }
}

/** One of the files cloud-init reads, as the variant `cloud` has them, or as the row says. */
function cloudTemplate(
  file: Json,
  { path, content }: { path: string; content: string },
): Recipe["templates"][number] {
  const name = text(file.name);
  const usual = cloudTemplates.find((template) => template.path.endsWith(`/${name}`));
  if (usual === undefined || name === "") {
    throw bad(
      `"${name}" is none of cloud-init's ${cloudTemplates.map((row) => basename(row.path)).join(", ")}`,
    );
  }
  const { properties } = section(file.template ?? {}, "files.template");
  return {
    ...usual,
    path: path || usual.path,
    text: content || usual.text,
    properties: { ...usual.properties, ...textsOf(properties) },
  };
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
    properties: textsOf(properties),
    text: content,
  };
}

const textsOf = (map: unknown) =>
  Object.fromEntries(Object.entries(section(map ?? {})).map(([key, value]) => [key, text(value)]));

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

const quote = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;
const base64 = (content: string) => new TextEncoder().encode(content).toBase64();
