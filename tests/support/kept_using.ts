// Keeps `using` from the bundler's shortening, which puts the value of a variable into the next statement if that is the
// only one to name it, and disposes of nothing then. Between the two stands a statement that it leaves alone.

const stay = "debugger;";
const declaration = /^(\s*)(?:await )?using \w+ = /;

/** Parts each declaration from what follows it; a bundle that was not shortened has a statement a line. */
export function markUsing(bundle: string): string {
  const done: string[] = [];
  let indent: string | undefined;
  for (const line of bundle.split("\n")) {
    indent ??= declaration.exec(line)?.[1];
    done.push(line);
    if (indent === undefined || !line.endsWith(";") || /^\s*/.exec(line)?.[0] !== indent) continue;
    done.push(`${indent}${stay}`);
    indent = undefined;
  }
  return done.join("\n");
}

/** Takes away what parts them. */
export function unmarkUsing(small: string): string {
  return small.replaceAll(stay, "");
}

/** How many variables are declared to be disposed of. */
export function countUsing(bundle: string): number {
  return bundle.match(/\busing [\w$]+ ?=/g)?.length ?? 0;
}
