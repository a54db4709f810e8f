// The app for a client in the same process: opened with the user's own store, closed with it.

import { currentUser, openContext } from "../domain/open.ts";
import { beginFileRoot, endEarlyFileRoot } from "../domain/instances/file_root.ts";
import { finishOperations } from "../domain/operations.ts";
import { reconcile } from "../domain/reconcile.ts";
import type { RouteName } from "../wire/routes.ts";
import { type App, createApp } from "./app.ts";

export { socketPair } from "./sockets.ts";

/** `milliseconds` operations may go on once nobody waits for them any more */
const grace = 30_000;

/**
 * Opens the app. Closing it waits for the operations it has started.
 *
 * @param first the route that will be asked first: what takes long for it is begun before anything else
 * @throws {DreyError} `STATE_BROKEN` if the store cannot be opened
 */
export async function openApp(first?: RouteName): Promise<App & AsyncDisposable> {
  if (first === "instance.delete") beginFileRoot(currentUser());
  const context = await openContext();
  await reconcile(context);
  const app = createApp(context);
  return {
    ...app,
    async [Symbol.asyncDispose]() {
      await finishOperations(context, grace);
      await endEarlyFileRoot();
      await context[Symbol.asyncDispose]();
    },
  };
}
