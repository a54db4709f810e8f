// Text into a file that is there, beside other work: Deno.writeTextFile() loads Deno's streams when it is first used, in
// case it was given one, 5 ms of a command.

/**
 * Writes text to a file, such as one of the kernel's, from its beginning on.
 *
 * @param path of a file that exists
 */
export async function writeInto(path: string, text: string): Promise<void> {
  using file = await Deno.open(path, { write: true });
  const data = new TextEncoder().encode(text);
  for (let at = 0; at < data.length;) at += await file.write(data.subarray(at));
}
