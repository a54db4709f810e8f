// Where this host gets its packages from: sources.list(5), in its one-line and its deb822 form.

export interface AptSource {
  uris: string[];
  suites: string[];
  components: string[];
}

/** The binary sources of a one-line file, `deb [options] URI SUITE COMPONENT…`. */
export function parseSourcesList(text: string): AptSource[] {
  return text.split("\n").flatMap((line) => {
    const [, uri, suite, rest = ""] = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)([^#]*)/.exec(line) ?? [];
    if (uri === undefined || suite === undefined) return [];
    return [{ uris: [uri], suites: [suite], components: words(rest) }];
  });
}

/** The enabled binary sources of a deb822 file. */
export function parseDeb822(text: string): AptSource[] {
  const plain = text.split("\n").filter((line) => !line.startsWith("#")).join("\n");
  return plain.split(/\n\s*\n/).flatMap((stanza) => {
    const field = (name: string) => {
      // a value goes on in lines that start with a blank
      const found = new RegExp(`^${name}:(.*(?:\\n[ \\t].*)*)`, "mi").exec(stanza)?.[1] ?? "";
      return words(found);
    };
    const isOff = /^(no|false|off|0|without|disable)$/i.test(field("Enabled")[0] ?? "yes");
    if (isOff || !field("Types").includes("deb")) return [];
    return [{ uris: field("URIs"), suites: field("Suites"), components: field("Components") }];
  });
}

/** All binary sources below an apt configuration directory, `/etc/apt`. */
export function readAptSources(etc: string): AptSource[] {
  const parts = names(`${etc}/sources.list.d`).map((name) => `${etc}/sources.list.d/${name}`);
  return [`${etc}/sources.list`, ...parts].flatMap((path) => {
    if (path.endsWith(".list")) return parseSourcesList(read(path));
    return path.endsWith(".sources") ? parseDeb822(read(path)) : [];
  });
}

export interface Mirrors {
  main: string | undefined;
  security: string | undefined;
}

/**
 * The host's mirrors of a distribution. Third parties name their suites like Debian's, so a mirror whose path ends
 * in the distribution's own name comes first.
 *
 * @param codenames suites of the distribution
 */
export function chooseMirrors(
  sources: readonly AptSource[],
  distribution: string,
  codenames: readonly string[],
): Mirrors {
  const find = (isSecurity: boolean) => {
    const uris = sources.filter(({ suites, components }) =>
      components.includes("main") &&
      suites.some((suite) => codenames.includes(base(suite)) && security.test(suite) === isSecurity)
    ).flatMap(({ uris }) => uris).filter((uri) => /^https?:/.test(uri)).map((uri) => uri.replace(/\/+$/, ""));
    const usual = isSecurity
      ? [`${distribution}-security`, distribution]
      : [distribution, `${distribution}-ports`];
    return uris.find((uri) => usual.includes(uri.split("/").at(-1) ?? ""));
  };
  return { main: find(false), security: find(true) };
}

const security = /[-/](security|updates\/security)$|\/updates$/;
const base = (suite: string) => suite.replace(/[-/].*$/, "");
const words = (text: string) => text.split(/\s+/).filter((word) => word !== "");

function names(directory: string): string[] {
  try {
    return [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    // a file with a password may be closed to us; its mirror then is not for us either
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return "";
    throw error;
  }
}
