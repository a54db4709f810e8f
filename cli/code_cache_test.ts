import { assert, assertEquals } from "@std/testing";
import { DatabaseSync } from "node:sqlite";
import { foldCodeCache } from "./code_cache.ts";

Deno.test("foldCodeCache() folds a long log into the cache, and leaves a short one", async () => {
  const directory = await Deno.makeTempDir({ prefix: "drey-cache-" });
  const path = `${directory}/v8_code_cache_v2`;
  const logSize = () => Deno.statSync(`${path}-wal`).size;
  // nothing there
  foldCodeCache(directory);
  const deno = new DatabaseSync(path);
  try {
    deno.exec("PRAGMA journal_mode = WAL; CREATE TABLE kept (data BLOB); INSERT INTO kept VALUES ('short')");
    const short = logSize();
    foldCodeCache(directory);
    assertEquals(logSize(), short);
    deno.exec("INSERT INTO kept VALUES (randomblob(2000000))");
    assert(logSize() > 2_000_000);
    // somebody reads
    deno.exec("BEGIN; SELECT count(*) FROM kept");
    foldCodeCache(directory);
    assert(logSize() > 2_000_000);
    deno.exec("COMMIT");
    foldCodeCache(directory);
    assertEquals(logSize(), 0);
    assertEquals(deno.prepare("SELECT count(*) AS rows FROM kept").get(), { __proto__: null, rows: 2 });
  } finally {
    deno.close();
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("foldCodeCache() leaves a cache alone that is none", async () => {
  const directory = await Deno.makeTempDir({ prefix: "drey-cache-" });
  try {
    await Deno.writeTextFile(
      `${directory}/v8_code_cache_v2`,
      "no database, but long enough for one".repeat(100),
    );
    await Deno.writeFile(`${directory}/v8_code_cache_v2-wal`, new Uint8Array(2_000_000));
    foldCodeCache(directory);
    assertEquals(Deno.statSync(`${directory}/v8_code_cache_v2-wal`).size, 2_000_000);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
