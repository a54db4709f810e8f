// Which releases the `debian` protocol can build, and by which names people ask for them.

import { DreyError } from "../errors.ts";

export interface Suite {
  distribution: "debian" | "ubuntu";
  /** name on the mirror */
  codename: string;
  /** number of the release; empty for one without */
  version: string;
}

const suites: readonly Suite[] = [
  { distribution: "debian", codename: "bullseye", version: "11" },
  { distribution: "debian", codename: "bookworm", version: "12" },
  { distribution: "debian", codename: "trixie", version: "13" },
  { distribution: "debian", codename: "forky", version: "14" },
  { distribution: "debian", codename: "sid", version: "" },
  { distribution: "ubuntu", codename: "jammy", version: "22.04" },
  { distribution: "ubuntu", codename: "noble", version: "24.04" },
  { distribution: "ubuntu", codename: "resolute", version: "26.04" },
];

/** What an image holds besides the system: `cloud` sets itself up by cloud-init, `minimal` has little to work with. */
export type Variant = "default" | "cloud" | "minimal";
const variants: readonly string[] = ["default", "cloud", "minimal"] satisfies Variant[];

export interface Wanted {
  suite: Suite;
  variant: Variant;
  /** kernel's name of the architecture, if one was asked for */
  architecture: string | undefined;
}

/**
 * What an alias asks for: `12`, `bookworm`, `debian/12`, `ubuntu/24.04`, each with a variant or an architecture behind
 * another slash.
 *
 * @param kernelName tells an architecture's kernel name, or that there is none
 * @throws {DreyError} `NOT_FOUND`
 */
export function parseAlias(alias: string, kernelName: (name: string) => string | undefined): Wanted {
  const words = alias.toLowerCase().split("/");
  const [first] = words;
  const named = first === "debian" || first === "ubuntu";
  const [release = "", ...further] = named ? words.slice(1) : words;
  const variant = variants.includes(further[0] ?? "") ? further.shift() as Variant : "default";
  const [arch, ...rest] = further;
  const codename = release === "unstable" ? "sid" : release;
  const suite = suites.find((row) =>
    (named ? row.distribution === first : true) && (row.codename === codename || row.version === release)
  );
  const architecture = arch === undefined ? undefined : kernelName(arch);
  const strange = rest.length > 0 || (arch !== undefined && architecture === undefined);
  if (suite !== undefined && release !== "" && !strange) return { suite, variant, architecture };
  const found = suite === undefined || release === ""
    ? "no such release"
    : rest.length > 0
    ? "a name is a release, a variant and an architecture, in this order"
    : `"${arch}" is neither a variant nor an architecture`;
  throw new DreyError("NOT_FOUND", {
    message: `Cannot build image "${alias}": ${found}`,
    hint: `Known are ${suites.map(suiteAlias).join(", ")}, each also as /cloud and /minimal`,
  });
}

/** The name of a suite in full: `debian/12`, `debian/sid`. */
export function suiteAlias({ distribution, codename, version }: Suite): string {
  return `${distribution}/${version === "" ? codename : version}`;
}

/** Every suite, for lists of what a remote offers. */
export function allSuites(): readonly Suite[] {
  return suites;
}
