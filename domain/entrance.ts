// The file this process was started as. A part of the bundle is told which file it is a part of, since the part itself
// may be gone by the time something else is to be started.

/** path of the bundle, as it was given */
let bundle: string | undefined;

/** URL of the file that another drey is to be started as. */
export function entrance(): string {
  if (bundle === undefined) return Deno.mainModule;
  return new URL(`file://${encodeURI(bundle).replace(/[?#]/g, encodeURIComponent)}`).href;
}

/** Whether that is the bundle, whatever name somebody has given it. */
export function isBundle(): boolean {
  return bundle !== undefined;
}

/** Takes the word of the bundle's first lines for it. */
export function startedAs(path: string): void {
  // now: the directory may be another one later
  bundle = path.startsWith("/") ? path : `${Deno.cwd()}/${path}`;
}
