// Text for a terminal. Images, instances and other servers name and describe things as they please, and a terminal obeys
// what is hidden in it: it changes its title, its clipboard, or lines that were shown before.

// colours change nothing but looks, and a line may end in CR LF; the last ranges turn the direction of writing
// deno-lint-ignore no-control-regex
const unusual = /\x1b\[[\d;:]*m|\r\n|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g;

/** The text with a question mark in place of each character that a terminal would obey. */
export const printable = (text: string): string =>
  text.replace(unusual, (found) => found.length > 1 ? found : "?");
