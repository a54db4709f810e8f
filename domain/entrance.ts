// The file this process was started as. A part of the bundle is told which file it is a part of, since the part itself
// may be gone by the time something else is to be started.

/** its absolute path */
let bundle: string | undefined;

/** The bundle that this process is a part or the whole of; undefined where it runs from the sources. */
export function bundlePath(): string | undefined {
  return bundle;
}

/** Takes the word of the bundle's first lines for where it is. */
export function startedAs(path: string): void {
  // now: the directory may be another one later
  bundle = path.startsWith("/") ? path : `${Deno.cwd()}/${path.replace(/^(\.\/+)+/, "")}`;
}
