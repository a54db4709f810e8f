import { assertEquals } from "@std/testing";
import { join } from "@std/path";
import { Tail } from "./console_follow.ts";

async function withLog(
  test: (log: { path: string; write(text: string): void; news(): string }) => void,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  const path = join(directory, "console.log");
  using tail = new Tail(path);
  try {
    test({
      path,
      write: (text) => Deno.writeTextFileSync(path, text, { append: true }),
      news: () => [...tail.news()].map((bytes) => new TextDecoder().decode(bytes)).join(""),
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("a log that is not there yet is read once it is, and only what is new after that", () =>
  withLog(({ write, news }) => {
    assertEquals(news(), "");
    write("one\n");
    assertEquals(news(), "one\n");
    assertEquals(news(), "");
    write("two\n");
    assertEquals(news(), "two\n");
  }));

Deno.test("a log that turns over, once or twice between two looks, loses no line and tells none again", () =>
  withLog(({ path, write, news }) => {
    const turnOver = () => Deno.renameSync(path, `${path}.1`);
    write("1\n");
    turnOver();
    write("2\n");
    assertEquals(news(), "1\n2\n");
    write("3\n");
    turnOver();
    assertEquals(news(), "3\n");
    write("4\n");
    turnOver();
    write("5\n");
    assertEquals(news(), "4\n5\n");
  }));

Deno.test("a log that was emptied is read from its beginning", () =>
  withLog(({ path, write, news }) => {
    write("a long line\n");
    news();
    Deno.truncateSync(path);
    write("short\n");
    assertEquals(news(), "short\n");
  }));
