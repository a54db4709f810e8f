// The clock of what drey does by itself, for tests.

import { assertEquals } from "@std/testing";
import type { Drey } from "./drey.ts";

/** Makes the last look at the schedule lie two minutes back. */
export async function windBack(drey: Drey): Promise<void> {
  const { DatabaseSync } = await import("node:sqlite");
  const store = new DatabaseSync(`${drey.directory}/database/drey.db`);
  const until = new Date(Date.now() - 120_000).toISOString();
  const sql = "update entries set value = ? where key = 'schedule'";
  const { changes } = store.prepare(sql).run(JSON.stringify({ until }));
  store.close();
  assertEquals(Number(changes), 1);
}
