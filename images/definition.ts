// Definitions of images in the manner of distrobuilder: which packages, files and actions make an image of a Debian or
// Ubuntu suite.

import { applies, bad, entries, type Json, section, text } from "./definition_document.ts";
import { type Fill, stepsOf } from "./definition_steps.ts";
import { parseAlias, type Suite, type Variant } from "./debian_suites.ts";
import type { Recipe } from "./debian_recipe.ts";
import { debianArchitecture, kernelArchitecture } from "./metadata.ts";
import { renderTemplate } from "./templates.ts";

export interface Definition {
  suite: Suite;
  variant: Variant;
  /** kernel's name of the architecture, if one was asked for */
  architecture: string | undefined;
  adapt(recipe: Recipe): Recipe;
}

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
  const release = text(image.release) || text(source.suite);
  if (release === "") {
    throw bad(
      "it names no release",
      "Add it to the section image, or to the command: -o image.release=bookworm",
    );
  }
  const named = text(image.architecture);
  const wanted = parseAlias(`${distribution}/${release}`, kernelArchitecture);
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
  const fill = filler(image, { suite: wanted.suite, architecture: named, variant });
  // read now, so that what is wrong is said before anything is built
  const steps = stepsOf(lists, fill);
  const repositories = repositoriesOf(lists.repositories, fill);
  const expiry = secondsOf(text(image.expiry));
  return {
    suite: wanted.suite,
    variant: variant === "cloud" || variant === "minimal" ? variant : "default",
    architecture: named === "" ? undefined : kernelArchitecture(named),
    adapt: (recipe) => ({
      ...recipe,
      sources: sourcesOf(recipe, { source, repositories }),
      packages: [...new Set([...recipe.packages, ...steps.install])],
      variant,
      hooks: {
        essential: [...recipe.hooks.essential, ...steps.essential],
        customize: [...recipe.hooks.customize, ...steps.customize],
      },
      templates: byPath([...recipe.templates, ...steps.templates]),
      properties: propertiesOf(image, fill),
      ...expiry > 0 && { expiry },
    }),
  };
}

/** Fills in what a definition says of its image in other places: `{{ image.release }}`. */
function filler(
  image: Json,
  { suite, architecture, variant }: { suite: Suite; architecture: string; variant: string },
): Fill {
  const mapped = debianArchitecture(
    architecture === "" ? Deno.build.arch : kernelArchitecture(architecture) ?? "",
  );
  const values = {
    distribution: suite.distribution,
    release: suite.codename,
    architecture: kernelArchitecture(mapped) ?? mapped,
    architecture_mapped: mapped,
    variant,
    serial: text(image.serial),
    name: text(image.name),
    description: text(image.description),
  };
  return (template) => renderTemplate(template, { values: { image: values }, config: {} });
}

function propertiesOf(image: Json, fill: Fill): Record<string, string> {
  const { name, description, serial } = image;
  const named = { name: fill(text(name)), description: fill(text(description)), serial: text(serial) };
  const more = Object.entries(section(image.properties ?? {})).map(([key, value]) => [key, text(value)]);
  return Object.fromEntries([...Object.entries(named), ...more].filter(([, value]) => value !== ""));
}

/** A span such as `30d` or `1h 30m`, in seconds. */
function secondsOf(expiry: string): number {
  const units: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
  return expiry.split(/\s+/).filter((part) => part !== "").reduce((sum, part) => {
    const [, count, unit = ""] = /^(\d+)([smhdw])$/.exec(part) ?? [];
    if (count === undefined) throw bad(`"${expiry}" is no span of time, such as 30d`);
    return sum + Number(count) * (units[unit] ?? 0);
  }, 0);
}

/** Lines for sources.list; `isAll` where they are said to be the whole of it. */
interface Repositories {
  lines: string[];
  isAll: boolean;
}

function repositoriesOf(rows: Json[], fill: Fill): Repositories {
  const lines = rows.flatMap(({ url }) => fill(text(url)).split("\n").map((line) => line.trim()));
  for (const line of lines) {
    if (line !== "" && !/^(deb(-src)? \S+ \S+|#)/.test(line)) {
      throw bad(`"${line}" is no line of sources.list`);
    }
  }
  return {
    lines: lines.filter((line) => line.startsWith("deb")),
    isAll: rows.some(({ name }) => text(name) === "sources.list"),
  };
}

function sourcesOf(
  { sources, suite }: Recipe,
  { source, repositories }: { source: Json; repositories: Repositories },
): string[] {
  if (repositories.isAll) return [...new Set(repositories.lines)];
  const url = text(source.url);
  const components = Array.isArray(source.components) ? source.components.map(text).join(" ") : "";
  const main = url === ""
    ? sources.map((line) => components === "" ? line : line.replace(/^(\S+ \S+ \S+) .*/, `$1 ${components}`))
    : [`deb ${url} ${suite.codename} ${components || "main"}`];
  return [...new Set([...main, ...repositories.lines])];
}

/** Of several templates for one file the last: a definition goes before its variant. */
function byPath(templates: Recipe["templates"]): Recipe["templates"] {
  return [...new Map(templates.map((template) => [template.path, template])).values()];
}
