// The file this process was started as. A part of the bundle is told which file it is a part of, since the part itself
// may be gone by the time something else is to be started.

let file = Deno.mainModule;
let bundled = false;

/** URL of the file that another drey is to be started as. */
export function entrance(): string {
  return file;
}

/** Whether that is the bundle, whatever name somebody has given it. */
export function isBundle(): boolean {
  return bundled;
}

/** Takes the word of the bundle's first lines for it. */
export function startedAs(path: string): void {
  bundled = true;
  const whole = path.startsWith("/") ? path : `${Deno.cwd()}/${path}`;
  file = new URL(`file://${encodeURI(whole).replace(/[?#]/g, encodeURIComponent)}`).href;
}
