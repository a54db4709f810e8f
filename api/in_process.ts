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

/** Whether the request needs a root over what belongs to sub-ids, a parent namespace for a container, or a way into one. */
function wantedBy({ name, body = "{}" }: First): "root" | "parent" | "way in" | "nothing" {
  if (name === "instance.delete") return "root";
  if (name === "instance.exec") return JSON.parse(body).interactive === true ? "nothing" : "way in";
  if (name !== "instances.create" && name !== "instance.state.change") return "nothing";
  const { action, start }: { action?: string; start?: boolean } = JSON.parse(body);
  if (action === "start" || start === true) return "parent";
  return action === "stop" || action === "restart" ? "root" : "nothing";
}

/** Requests of an exec: what others have left can be tidied up once its command has ended. */
const patient: ReadonlySet<RouteName> = new Set(["instance.exec", "operation.socket", "operation.wait"]);
/**
 * `milliseconds`; a command that is over sooner leaves that to the next request, since it would wait 3 ms for it. Nor is
 * it begun while the command runs: this process has more to do then than the command.
 */
const briefly = 50;

/**
 * Opens the app. Closing it waits for the operations it has started.
 *
 * @param first what will be asked first: what takes long for it is begun before anything else
 * @throws {DreyError} `STATE_BROKEN` if the store cannot be opened
 */
export async function openApp(first?: First): Promise<App & AsyncDisposable> {
  const wanted = first === undefined ? "nothing" : wantedBy(first);
  if (wanted === "root") beginFileRoot(currentUser());
  const wayIn = wanted === "way in" ? await import("../domain/instances/way_in.ts") : undefined;
  wayIn?.beginWayIn();
  const context = await openContext().catch(async (error) => {
    await wayIn?.endEarlyWayIn();
    throw error;
  });
  if (wanted === "parent" && !mayHaveParent(context)) beginFileRoot(context.user);
  const app = createApp(context);
  let tidied: Promise<void> | undefined;
  const tidy = () => tidied ??= reconcile(context);
  if (first === undefined || !patient.has(first.name)) await tidy();
  return {
    ...app,
    async fetch(request, env) {
      await tidy();
      return await app.fetch(request, env);
    },
    async answer(asked, env) {
      if (!patient.has(asked.name)) await tidy();
      const begun = performance.now();
      const answer = await app.answer(asked, env);
      // a failure is told at the end
      if (asked.name === "operation.wait" && performance.now() - begun > briefly) tidy().catch(() => {});
      return answer;
    },
    async [Symbol.asyncDispose]() {
      try {
        await tidied;
      } finally {
        await finishOperations(context, grace);
        await wayIn?.endEarlyWayIn();
        await endEarlyFileRoot();
        await context[Symbol.asyncDispose]();
      }
    },
  };
}
