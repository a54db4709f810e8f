// The little markdown that generated pages need.

/** Lines that say where a page comes from. */
export const generated = (from: string) =>
  `<!-- Made by \`deno task docs\` from ${from}: change it there. -->`;

/** A table; bars in cells are escaped. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(header), line(header.map(() => "---")), ...rows.map(line)].join("\n");
}

export const code = (text: string) => text === "" ? "" : `\`${text}\``;
