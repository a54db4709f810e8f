import { assertEquals, assertRejects } from "@std/testing";
import { DreyError } from "../../errors.ts";
import { type ForgedEntry, forgeTar } from "../../tests/support/forged_tar.ts";
import { scanBackup } from "./scan.ts";

const index = "name: c1\ntype: container\nconfig:\n  container:\n    name: c1\n";

async function scanned(entries: ForgedEntry[]): Promise<number> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, forgeTar([{ name: "backup/index.yaml", content: index }, ...entries]));
    return (await scanBackup(path)).files.size;
  } finally {
    await Deno.remove(path);
  }
}

const template = (number: number, size: number): ForgedEntry => ({
  name: `backup/container/templates/${number}.tpl`,
  content: " ".repeat(size),
});

Deno.test("a backup whose small files would fill the memory is refused", async () => {
  assertEquals(await scanned([template(1, 1000), template(2, 0)]), 2);
  const many = Array.from({ length: 5 }, (_, number) => template(number, 15 << 20));
  await assertRejects(() => scanned(many), DreyError, "holds too much beside its trees");
});
