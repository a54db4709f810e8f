import { assertEquals } from "@std/testing";
import { temporaryContext } from "../tests/support/temporary_context.ts";
import { lifecycleWrite, listenEvents } from "./events.ts";

Deno.test("what one commit writes is heard in its order, however many events it is", async () => {
  await using context = await temporaryContext();
  const ending = new AbortController();
  const listening = { types: ["lifecycle"], project: "default", allProjects: false } as const;
  const events = listenEvents(context, listening, ending.signal);
  const sources = Array.from({ length: 120 }, (_, at) => `/1.0/profiles/p${at}`);
  await context.store.commit(
    [],
    sources.map((source) =>
      lifecycleWrite(context, { project: "default", action: "profile-created", source })
    ),
  );
  const heard: string[] = [];
  for await (const event of events) {
    if (event.type === "lifecycle") heard.push(event.metadata.source);
    if (heard.length === sources.length) break;
  }
  ending.abort();
  assertEquals(heard, sources);
});
