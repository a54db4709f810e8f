// The app for a client in the same process: opened with the user's own store, closed with it.

import { currentUser, openContext } from "../domain/open.ts";
import { beginFileRoot, endEarlyFileRoot } from "../domain/instances/file_root.ts";
import { mayHaveParent } from "../domain/instances/parent.ts";
import { finishOperations } from "../domain/operations.ts";
import { reconcile } from "../domain/reconcile.ts";
import type { RouteName } from "../wire/routes.ts";
import { type App, createApp } from "./app.ts";

export { socketPair } from "./sockets.ts";

/** `milliseconds` operations may go on once nobody waits for them any more */
const grace = 30_000;

/** A request that is still to come: its route, and its body as text. */
export interface First {
  name: RouteName;
  body?: string;
}

/** Whether the request needs a root over what belongs to sub-ids, or a parent namespace for a container. */
function wantedBy({ name, body = "{}" }: First): "root" | "parent" | "nothing" {
  if (name === "instance.delete") return "root";
  if (name !== "instances.create" && name !== "instance.state.change") return "nothing";
  const { action, start }: { action?: string; start?: boolean } = JSON.parse(body);
  if (action === "start" || start === true) return "parent";
  return action === "stop" || action === "restart" ? "root" : "nothing";
}

/**
 * Opens the app. Closing it waits for the operations it has started.
 *
 * @param first what will be asked first: what takes long for it is begun before anything else
 * @throws {DreyError} `STATE_BROKEN` if the store cannot be opened
 */
export async function openApp(first?: First): Promise<App & AsyncDisposable> {
  const wanted = first === undefined ? "nothing" : wantedBy(first);
  if (wanted === "root") beginFileRoot(currentUser());
  const context = await openContext();
  if (wanted === "parent" && !mayHaveParent(context)) beginFileRoot(context.user);
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
