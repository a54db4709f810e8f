// LXD's words for yes and no.

/** What a word says, in whichever case; undefined for any other text. */
export function truthOf(text: string): boolean | undefined {
  const word = text.toLowerCase();
  if (["true", "1", "yes", "on"].includes(word)) return true;
  return ["false", "0", "no", "off"].includes(word) ? false : undefined;
}
