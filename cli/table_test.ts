import { assertEquals } from "@std/testing";
import { displayWidth, drawCompact, drawCsv, drawTable } from "./table.ts";

const table = { header: ["NAME", "ADDRESSES"], rows: [["c1", "10.0.0.2\n10.0.0.3"], ["a-long-name", ""]] };

Deno.test("drawTable() rules every row, centres headers and keeps lines of a cell together", () => {
  assertEquals(
    drawTable(table),
    `\
+-------------+-----------+
|    NAME     | ADDRESSES |
+-------------+-----------+
| c1          | 10.0.0.2  |
|             | 10.0.0.3  |
+-------------+-----------+
| a-long-name |           |
+-------------+-----------+
`,
  );
});

Deno.test("drawTable() shows the header of an empty list", () => {
  assertEquals(
    drawTable({ header: ["NAME", "STATE"], rows: [] }),
    "+------+-------+\n| NAME | STATE |\n+------+-------+\n",
  );
});

Deno.test("drawCompact() leaves the rules out", () => {
  assertEquals(
    drawCompact(table),
    "     NAME      ADDRESSES  \n  c1           10.0.0.2   \n               10.0.0.3   \n  a-long-name             \n",
  );
});

Deno.test("drawCsv() quotes what needs it and has no header", () => {
  const rows = [["a", "b,c", 'say "hi"'], ["x\ny", "", "z"]];
  assertEquals(drawCsv({ header: ["A", "B", "C"], rows }), 'a,"b,c","say ""hi"""\n"x\ny",,z\n');
});

Deno.test("displayWidth() counts columns of a terminal", () => {
  assertEquals(["abc", "日本", "é", "e\u0301", "🚀"].map(displayWidth), [3, 4, 1, 1, 2]);
});
