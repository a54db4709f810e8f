// The clock of what drey does by itself, for tests: it stands still but where a test lets time pass.

import { assertEquals } from "@std/testing";
import type { Drey } from "./drey.ts";

const minute = 60_000;

/** Makes the last look at the schedule lie two minutes back, has a command look, and stops the clock again. */
export async function passTwoMinutes(drey: Drey): Promise<void> {
  await setLastLook(drey, Date.now() - 2 * minute);
  await drey`list`;
  await stopClock(drey);
}

/** Lets nothing become due any more, how ever long the test takes. */
export async function stopClock(drey: Drey): Promise<void> {
  await setLastLook(drey, Date.now() + 60 * minute);
}

/** Does something within one minute of the clock; if the minute ends meanwhile, undoes it and does it again. */
export async function inOneMinute(act: () => Promise<void>, undo: () => Promise<void>): Promise<void> {
  const now = () => Math.floor(Date.now() / minute);
  for (;;) {
    const before = now();
    const failure = await act().then(() => undefined, (error: unknown) => ({ error }));
    if (now() === before) {
      if (failure !== undefined) throw failure.error;
      return;
    }
    await undo();
  }
}

async function setLastLook(drey: Drey, time: number): Promise<void> {
  const { DatabaseSync } = await import("node:sqlite");
  const store = new DatabaseSync(`${drey.directory}/database/drey.db`);
  const sql = "update entries set value = ? where key = 'schedule'";
  const { changes } = store.prepare(sql).run(JSON.stringify({ until: new Date(time).toISOString() }));
  store.close();
  assertEquals(Number(changes), 1);
}
