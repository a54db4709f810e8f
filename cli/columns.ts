// Columns chosen by letters, `-c ns4`, as every list takes them.

import { DreyError } from "../errors.ts";
import { sortRows } from "./output.ts";
import type { Table } from "./table.ts";

export interface Column<T> {
  header: string;
  cell(item: T): string;
}

export type Columns<T> = Record<string, Column<T>>;

/** The columns for a row of letters. @throws {DreyError} `BAD_REQUEST` for a letter without one */
export function chooseColumns<T>(letters: string, known: Columns<T>): Column<T>[] {
  return [...letters].filter((letter) => letter !== ",").map((letter) => {
    const column = known[letter];
    if (column !== undefined) return column;
    throw new DreyError("BAD_REQUEST", {
      message: `There is no column "${letter}"; there are ${Object.keys(known).join("")}`,
    });
  });
}

/** Items as a table, sorted by the first column. */
export function toTable<T>(items: readonly T[], columns: readonly Column<T>[]): Table {
  return {
    header: columns.map(({ header }) => header),
    rows: sortRows(items.map((item) => columns.map(({ cell }) => cell(item)))),
  };
}
