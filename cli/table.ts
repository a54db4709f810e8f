// Drawing rows as LXD draws them: a ruled table, a compact one, CSV. Widths count columns of a terminal, and a
// cell may have several lines.

export interface Table {
  header: readonly string[];
  rows: readonly (readonly string[])[];
}

/** The table with rules around every row; headers centred, cells to the left. */
export function drawTable({ header, rows }: Table): string {
  const widths = columnWidths({ header, rows });
  const rule = `+${widths.map((width) => "-".repeat(width + 2)).join("+")}+\n`;
  const lines = [rule, drawRow(header, widths, centre), rule];
  for (const row of rows) {
    for (const line of splitLines(row)) lines.push(drawRow(line, widths, padEnd));
    lines.push(rule);
  }
  return lines.join("");
}

/** The same without rules. */
export function drawCompact({ header, rows }: Table): string {
  const widths = columnWidths({ header, rows });
  const draw = (cells: readonly string[], align: Align) =>
    `  ${cells.map((cell, column) => align(cell, widths[column] ?? 0)).join("  ")}  \n`;
  const lines = [draw(header, centre)];
  for (const row of rows) {
    for (const line of splitLines(row)) lines.push(draw(line, padEnd));
  }
  return lines.join("");
}

/** Rows without a header, quoted where RFC 4180 asks for it. */
export function drawCsv({ rows }: Table): string {
  const quote = (cell: string) => /[",\n\r]|^ /.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
  return rows.map((row) => `${row.map(quote).join(",")}\n`).join("");
}

type Align = (text: string, width: number) => string;

const drawRow = (cells: readonly string[], widths: readonly number[], align: Align) =>
  `| ${cells.map((cell, column) => align(cell, widths[column] ?? 0)).join(" | ")} |\n`;

const padEnd: Align = (text, width) => text + " ".repeat(Math.max(0, width - displayWidth(text)));

const centre: Align = (text, width) => {
  const room = Math.max(0, width - displayWidth(text));
  const left = Math.floor(room / 2);
  return " ".repeat(left) + text + " ".repeat(room - left);
};

function columnWidths({ header, rows }: Table): number[] {
  return header.map((name, column) =>
    rows.reduce(
      (most, row) => Math.max(most, ...(row[column] ?? "").split("\n").map(displayWidth)),
      displayWidth(name),
    )
  );
}

// One row of cells with line breaks as several rows of cells without.
function splitLines(row: readonly string[]): string[][] {
  const cells = row.map((cell) => cell.split("\n"));
  const height = Math.max(1, ...cells.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) => cells.map((lines) => lines[line] ?? ""));
}

const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const zero = /[\p{Mn}\p{Me}\p{Cf}]/u;

/** Terminal columns a text takes: two for wide East Asian characters and emoji, none for combining marks. */
export function displayWidth(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += zero.test(character) ? 0 : wide.test(character) ? 2 : 1;
  return width;
}
