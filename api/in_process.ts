// The app for a client in the same process: opened with the user's own store, closed with it.

import { openContext } from "../domain/open.ts";
import { finishOperations } from "../domain/operations.ts";
import { reconcile } from "../domain/reconcile.ts";
import { type App, createApp } from "./app.ts";

export { socketPair } from "./sockets.ts";

/** `milliseconds` operations may go on once nobody waits for them any more */
const grace = 30_000;

/**
 * Opens the app. Closing it waits for the operations it has started.
 *
 * @throws {DreyError} `STATE_BROKEN` if the store cannot be opened
 */
export async function openApp(): Promise<App & AsyncDisposable> {
  const context = await openContext();
  await reconcile(context);
  const app = createApp(context);
  return {
    ...app,
    async [Symbol.asyncDispose]() {
      await finishOperations(context, grace);
      await context[Symbol.asyncDispose]();
    },
  };
}
