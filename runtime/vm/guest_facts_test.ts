import { assertEquals } from "@std/testing";
import { join } from "@std/path";
import { frameKinds } from "./frames.pl.ts";
import { askGuest, type GuestFacts } from "./guest_facts.ts";

function frame(kind: keyof typeof frameKinds, payload: string | Uint8Array): Uint8Array {
  const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
  const framed = new Uint8Array(9 + bytes.length);
  const view = new DataView(framed.buffer);
  view.setUint8(4, frameKinds[kind]);
  view.setUint32(5, bytes.length);
  framed.set(bytes, 9);
  return framed;
}

/** What drey makes of a guest that answers its questions with some text, and then goes on as it likes. */
async function ask(text: string, { ends = true }: { ends?: boolean } = {}): Promise<GuestFacts | undefined> {
  const directory = await Deno.makeTempDir();
  const door = join(directory, "door");
  const listener = Deno.listen({ transport: "unix", path: door });
  const serve = async () => {
    using first = await listener.accept();
    await first.write(frame("hello", "agent"));
    using second = await listener.accept();
    await second.read(new Uint8Array(9));
    await second.write(frame("data", `\x01${text}`));
    if (ends) await second.write(frame("exit", new Uint8Array(4)));
    while (await second.read(new Uint8Array(65536)) !== null);
  };
  const serving = serve().catch(() => {}); // it may be gone before it has heard all
  try {
    return await askGuest(door);
  } finally {
    await serving;
    listener.close();
    await Deno.remove(directory, { recursive: true });
  }
}

const files = ["net/dev", "net/fib_trie", "net/route", "net/if_inet6", "meminfo", "stat"];

Deno.test("a guest's facts are what its files say", async () => {
  const facts = await ask(files.map((path) => `${path} 3\na\nb`).join("") + "processes 7\n");
  assertEquals(facts, { files: Object.fromEntries(files.map((path) => [path, "a\nb"])), processes: 7 });
});

Deno.test("a guest that says something else is not believed, nor waited for without end", async () => {
  for (
    const text of ["a -12\n", "net/dev -9\n", "net/dev 1e9\n", "", "processes 7\n", "net/dev 99999999\nx"]
  ) {
    assertEquals(await ask(text), undefined, text);
  }
  assertEquals(await ask("x".repeat(3_000_000)), undefined);
  assertEquals(await ask("", { ends: false }), undefined);
});
