// Keys as text: words joined with "/", so that one prefix is one range. Knows nothing of what they name.

import type { Key } from "./store.ts";

/** What may not stand in a word as it is. */
const escaped: Record<string, string> = { "%": "%25", "/": "%2F", "\0": "%00" };

/** The text of a key. */
export function encodeKey(key: Key): string {
  return key.map((word) => {
    if (word === "") throw new Error(`A key has an empty word: ${JSON.stringify(key)}`);
    return word.replace(/[%/\0]/g, (character) => escaped[character] ?? character);
  }).join("/");
}

/** The key of a text made by {@link encodeKey}. */
export function decodeKey(text: string): Key {
  return text.split("/").map(decodeWord);
}

function decodeWord(word: string): string {
  return word.replace(/%(25|2F|00)/g, (sequence) => decodeURIComponent(sequence));
}

/** Whether a key starts with the words of a prefix. */
export function startsWith(key: Key, prefix: Key): boolean {
  return prefix.every((word, index) => key[index] === word);
}

/**
 * The texts of all keys below a prefix lie in `from <= text < to`; the key that *is* the prefix is `self`.
 * "0" is the character after "/".
 */
export function rangeOf(prefix: Key): { self: string; from: string; to: string } {
  const self = encodeKey(prefix);
  return self === "" ? { self, from: "", to: "\u{10FFFF}" } : { self, from: `${self}/`, to: `${self}0` };
}
