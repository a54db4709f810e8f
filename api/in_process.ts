// The app for a client in the same process: opened with the user's own store, closed with it.

import type { Context } from "../domain/context.ts";
import { openContext } from "../domain/open.ts";
import { currentPlaces } from "../domain/places.ts";
import { finishOperations } from "../domain/operations.ts";
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

/** What takes long for a request and was begun before it is made. */
interface Early {
  /** to be called once there is a context */
  know?(context: Context): void;
  /** ends what nobody has taken */
  end(): Promise<void>;
}

async function beginFor(first: First | undefined): Promise<Early> {
  const wanted = first === undefined ? "nothing" : wantedBy(first);
  if (wanted === "nothing") return { end: () => Promise.resolve() };
  if (wanted === "way in") {
    const { beginWayIn, endEarlyWayIn } = await import("../domain/instances/way_in.ts");
    beginWayIn();
    return { end: endEarlyWayIn };
  }
  const { beginFileRoot, endEarlyFileRoot } = await import("../domain/instances/file_root.ts");
  if (wanted === "root") {
    beginFileRoot(currentPlaces().user);
    return { end: endEarlyFileRoot };
  }
  const { mayHaveParent } = await import("../domain/instances/parent.ts");
  return {
    know: (context) => mayHaveParent(context) ? undefined : beginFileRoot(context.user),
    end: endEarlyFileRoot,
  };
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
  const early = await beginFor(first);
  const context = await openContext().catch(async (error) => {
    await early.end();
    throw error;
  });
  early.know?.(context);
  const app = createApp(context);
  let tidied: Promise<void> | undefined;
  const tidy = () => tidied ??= import("../domain/reconcile.ts").then(({ reconcile }) => reconcile(context));
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
        await early.end();
        await context[Symbol.asyncDispose]();
      }
    },
  };
}
