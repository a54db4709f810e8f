// The file this process was started as. A part of the bundle is told which file it is a part of, since the part itself
// may be gone by the time something else is to be started.

let file = Deno.mainModule;

/** URL of the file that another drey is to be started as. */
export function entrance(): string {
  return file;
}

/** Takes the word of the bundle's first lines for it. */
export function startedAs(path: string): void {
  const whole = path.startsWith("/") ? path : `${Deno.cwd()}/${path}`;
  file = new URL(`file://${encodeURI(whole).replace(/[?#]/g, encodeURIComponent)}`).href;
}
