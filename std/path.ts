// The functions of @std/path that drey uses, for POSIX, with the same names and results. On JSR this file becomes one
// line of deno.json. It is our own until then, since the package's many small files take 3 ms to load, which every
// command would feel; path_test.ts holds it against the package.

/** The path without `.`, `..` and doubled slashes; a trailing slash stays. */
function normalize(path: string): string {
  if (path === "") return ".";
  const isAbsolute = path.startsWith("/");
  const kept: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "" || segment === ".") continue;
    if (segment !== "..") kept.push(segment);
    else if (kept.length > 0 && kept.at(-1) !== "..") kept.pop();
    else if (!isAbsolute) kept.push("..");
  }
  const text = (isAbsolute ? "/" : "") + kept.join("/");
  if (text === "") return path.endsWith("/") ? "./" : ".";
  return path.endsWith("/") && text !== "/" ? `${text}/` : text;
}

/** One path of several, normalized. */
export function join(...paths: string[]): string {
  return normalize(paths.filter((path) => path !== "").join("/"));
}

/** The absolute path that a `cd` to each of them in turn would lead to. */
export function resolve(...paths: string[]): string {
  const start = paths.findLastIndex((path) => path.startsWith("/"));
  const named = paths.slice(Math.max(start, 0)).filter((path) => path !== "");
  const path = normalize([...(start === -1 ? [Deno.cwd()] : []), ...named].join("/"));
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}

/** The path that leads from one directory to another place. */
export function relative(from: string, to: string): string {
  const [left, right] = [resolve(from), resolve(to)].map((path) =>
    path.split("/").filter((part) => part !== "")
  );
  if (left === undefined || right === undefined) return "";
  const differs = left.findIndex((part, at) => part !== right[at]);
  const common = differs === -1 ? left.length : differs;
  return [...left.slice(common).map(() => ".."), ...right.slice(common)].join("/");
}

/** The path without its last part. */
export function dirname(path: string): string {
  const trimmed = path.replace(/\/+$/, "");
  if (trimmed === "") return path === "" ? "." : "/";
  const at = trimmed.lastIndexOf("/");
  if (at === -1) return ".";
  return trimmed.slice(0, at).replace(/\/+$/, "") || "/";
}

/** The last part of a path. */
export function basename(path: string): string {
  const trimmed = path.replace(/\/+$/, "");
  return trimmed === "" ? path === "" ? "" : "/" : trimmed.slice(trimmed.lastIndexOf("/") + 1);
}

/** The path of a `file:` address. */
export function fromFileUrl(url: URL | string): string {
  const { protocol, pathname } = new URL(url);
  if (protocol !== "file:") throw new TypeError(`URL must be a file URL: received "${protocol}"`);
  return decodeURIComponent(pathname.replace(/%(?![0-9A-Fa-f]{2})/g, "%25"));
}
