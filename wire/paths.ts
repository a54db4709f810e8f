// Paths of routes: with their parameters filled in, and found again in an address.

/** A route's path with its parameters in place, each escaped. */
export function fillPath(path: string, params: Record<string, string> = {}): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = params[name];
    if (value === undefined || value === "") throw new Error(`The path ${path} lacks its {${name}}`);
    return encodeURIComponent(value);
  });
}

/** The escaped parameters of an address that belongs to a route's path; undefined if it does not. */
export function matchPath(path: string, address: string): Record<string, string> | undefined {
  const words = address.split("/");
  const wanted = path.split("/");
  if (wanted.length !== words.length) return undefined;
  const params: Record<string, string> = {};
  for (const [at, word] of wanted.entries()) {
    const found = words[at] ?? "";
    if (!word.startsWith("{")) {
      if (found !== word) return undefined;
    } else if (found === "") return undefined;
    else params[word.slice(1, -1)] = found;
  }
  return params;
}
