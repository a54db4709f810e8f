// Words of sh lines: what is put into one is one word, whatever it holds. Names are plain, and stay as they are.

/** A line of sh whose values are words. */
export function sh(parts: TemplateStringsArray, ...values: readonly (string | number)[]): string {
  return String.raw({ raw: parts }, ...values.map((value) => word(String(value))));
}

/** A text as one word of sh. */
function word(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
