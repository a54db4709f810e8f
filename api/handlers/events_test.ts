import { assertEquals } from "@std/testing";
import { emitLifecycle } from "../../domain/events.ts";
import type { Message } from "../../wire/socket.ts";
import { temporaryContext } from "../../tests/support/temporary_context.ts";
import type { Call, Stream } from "../call.ts";
import { handlers } from "./events.ts";

Deno.test("a listener to events that reads nothing is disconnected and told why", async () => {
  await using context = await temporaryContext();
  const caller = { uid: 0, protocol: "in-process", username: "" };
  const call = { context, caller, project: "default", query: () => undefined } as unknown as Call<
    "events.listen"
  >;
  const { serve } = await handlers["events.listen"](call) as Stream;
  const closed = Promise.withResolvers<void>();
  const never = Promise.withResolvers<void>();
  const sent: Message[] = [];
  let why: string | undefined;
  const served = serve({
    send: (message) => {
      sent.push(message);
      return never.promise;
    },
    messages: (async function* () {})(),
    closed: closed.promise,
    close(reason) {
      why = reason;
      closed.resolve();
    },
  });
  for (let at = 0; at < 6; at++) {
    const large = { text: "x".repeat(1 << 20) };
    await emitLifecycle(context, {
      project: "default",
      action: "instance-created",
      source: "/1.0",
      context: large,
    });
  }
  await served;
  assertEquals([sent.length, why], [1, "Too many events wait to be read"]);
});
