// concat() of @std/bytes, with its name and result. On JSR this file becomes one line of deno.json; until then it is
// our own, since commands that must be fast use it and the package takes a file more to load.

/** The bytes of all parts, one after the other. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
