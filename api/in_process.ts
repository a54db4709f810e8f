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

const earlyExec = () => import("../domain/instances/early_exec.ts");

/**
 * Whether the request needs a root over what belongs to sub-ids, a parent namespace for a container, or somebody to go
 * into one.
 */
function wantedBy({ name, body = "{}" }: First): "root" | "parent" | "walker" | "nothing" {
  if (name === "instance.delete") return "root";
  // a terminal is handed down when the walker starts, and its user does not count milliseconds
  if (name === "instance.exec") return JSON.parse(body).interactive === true ? "nothing" : "walker";
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
  if (wanted === "walker") (await earlyExec()).beginExec();
  const context = await openContext();
  if (wanted === "parent" && !mayHaveParent(context)) beginFileRoot(context.user);
  await reconcile(context);
  const app = createApp(context);
  return {
    ...app,
    async [Symbol.asyncDispose]() {
      await finishOperations(context, grace);
      await endEarlyFileRoot();
      if (wanted === "walker") await (await earlyExec()).endEarlyExec();
      await context[Symbol.asyncDispose]();
    },
  };
}
