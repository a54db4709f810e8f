// A context for tests: a real store in a directory that goes with it.

import { join } from "@std/path";
import { openStore } from "../../store/sqlite.ts";
import type { Context } from "../../domain/context.ts";

/** A fresh, empty drey. `advance()` moves its clock. */
export async function temporaryContext(): Promise<Context & AsyncDisposable & { advance(ms: number): void }> {
  const state = Deno.makeTempDirSync({ prefix: "drey-test-" });
  const paths = { state, run: join(state, "run"), config: join(state, "config") };
  const store = await openStore(paths);
  let ahead = 0;
  return {
    store,
    paths,
    user: { uid: Deno.uid() ?? 0, gid: Deno.gid() ?? 0, name: "tester" },
    program: () => [Deno.execPath()],
    now: () => new Date(Date.now() + ahead),
    advance: (ms) => void (ahead += ms),
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await Deno.remove(state, { recursive: true });
    },
  };
}
