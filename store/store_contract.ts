// What any Store must do, as tests. Each implementation runs the suite over itself.

import { assert, assertEquals, assertRejects } from "@std/testing";
import type { Change, Key, Store } from "./store.ts";

export interface StoreMaker {
  /** an empty store, and one more connection to it on each `again()` */
  open(): Promise<Store & { again(): Promise<Store> }>;
  /** runs statements in another process, where `store` is a connection to the same store; what they print */
  elsewhere(statements: string): { output: Promise<string>; kill(): void };
}

const anyTime = () => new AbortController().signal;
const inTime = () => AbortSignal.timeout(120_000);

/** Registers the suite's tests under the name of an implementation. */
export function testStore(name: string, maker: StoreMaker): void {
  const test = (sentence: string, body: (store: Store & { again(): Promise<Store> }) => Promise<void>) =>
    Deno.test(`${name}: ${sentence}`, async () => {
      await using store = await maker.open();
      await body(store);
    });

  test("get() finds what commit() wrote, with a growing revision", async (store) => {
    assertEquals(await store.get(["a"]), undefined);
    assert(await store.commit([], [{ key: ["a"], value: { b: [1, null, "ü"] } }]));
    const first = await store.get(["a"]);
    assertEquals(first?.value, { b: [1, null, "ü"] });
    assertEquals(first?.key, ["a"]);
    assert(await store.commit([], [{ key: ["a"], value: null }]));
    const second = await store.get(["a"]);
    assertEquals(second?.value, null);
    assert((second?.revision ?? 0) > (first?.revision ?? 0));
  });

  test("entries of one commit share a revision that no other commit has", async (store) => {
    await store.commit([], [{ key: ["a"], value: 1 }, { key: ["b"], value: 1 }]);
    await store.commit([], [{ key: ["c"], value: 1 }]);
    const [a, b, c] = await store.list([]);
    assertEquals(a?.revision, b?.revision);
    assert((c?.revision ?? 0) > (b?.revision ?? 0));
  });

  test("list() gives what lies below a prefix, ordered, and no neighbours", async (store) => {
    const keys: Key[] = [["i", "p", "c2"], ["i", "p", "c1"], ["i", "p2", "c1"], ["i", "p"], ["ip", "p", "c"]];
    await store.commit([], keys.map((key) => ({ key, value: key.join("+") })));
    const found = (await store.list(["i", "p"])).map((entry) => entry.value);
    assertEquals(found, ["i+p", "i+p+c1", "i+p+c2"]);
    assertEquals((await store.list([])).length, 5);
    assertEquals(await store.list(["x"]), []);
  });

  test("list() gives a piece from where the last one ended, whether that is still there or not", async (store) => {
    const keys: Key[] = [["i"], ["i", "a"], ["i", "b"], ["i", "c"], ["i", "d"], ["i!", "x"], ["j"]];
    await store.commit([], keys.map((key) => ({ key, value: 1 })));
    await store.commit([], [{ key: ["i", "a"], delete: true }]);
    const names = async (after?: Key) =>
      (await store.list(["i"], { after, limit: 2 })).map(({ key }) => key.join("/"));
    assertEquals(await names(), ["i", "i/b"]);
    assertEquals(await names(["i"]), ["i/b", "i/c"]);
    await store.commit([], [{ key: ["i", "b"], delete: true }]);
    assertEquals(await names(["i", "b"]), ["i/c", "i/d"]);
    assertEquals(await names(["i", "d"]), []);
  });

  test("words of a key may hold anything but nothing", async (store) => {
    const key = ["images", "a/b%2F", "..", "\0ü😀"];
    await store.commit([], [{ key, value: 1 }]);
    assertEquals((await store.get(key))?.key, key);
    assertEquals((await store.list(["images", "a/b%2F"])).length, 1);
    assertEquals(await store.list(["images", "a"]), []);
    assertEquals(await store.get(["a", ""]), undefined);
    await assertRejects(() => store.commit([], [{ key: ["a", ""], value: 1 }]));
  });

  test("a commit whose check fails changes nothing", async (store) => {
    assert(await store.commit([{ key: ["a"], revision: 0 }], [{ key: ["a"], value: 1 }]));
    const old = await store.get(["a"]);
    assert(!await store.commit([{ key: ["a"], revision: 0 }], [{ key: ["a"], value: 2 }]));
    assert(
      !await store.commit([{ key: ["a"], revision: (old?.revision ?? 0) + 1 }], [
        { key: ["a"], value: 2 },
        { key: ["b"], value: 2 },
      ]),
    );
    assertEquals(await store.get(["a"]), old);
    assertEquals(await store.get(["b"]), undefined);
    assert(
      await store.commit([{ key: ["a"], revision: old?.revision ?? 0 }], [{ key: ["a"], delete: true }]),
    );
    assertEquals(await store.get(["a"]), undefined);
  });

  test("a deleted entry counts as absent and may be created again", async (store) => {
    await store.commit([], [{ key: ["a"], value: 1 }]);
    await store.commit([], [{ key: ["a"], delete: true }]);
    assertEquals(await store.list([]), []);
    assert(await store.commit([{ key: ["a"], revision: 0 }], [{ key: ["a"], value: 2 }]));
    assertEquals((await store.get(["a"]))?.value, 2);
  });

  test("a value JSON cannot say is refused and nothing is written", async (store) => {
    const circle: Record<string, unknown> = {};
    circle["self"] = circle;
    await assertRejects(() => store.commit([], [{ key: ["a"], value: 1 }, { key: ["b"], value: circle }]));
    assertEquals(await store.list([]), []);
    assert(await store.commit([], [{ key: ["a"], value: 1 }]));
  });

  test("watch() tells changes below its prefix from now on, deletions too", async (store) => {
    await store.commit([], [{ key: ["w", "old"], value: 0 }]);
    const changes = store.watch(["w"], inTime());
    await store.commit([], [{ key: ["w", "a"], value: 1 }, { key: ["other"], value: 1 }]);
    await store.commit([], [{ key: ["w", "a"], value: 2 }]);
    await store.commit([], [{ key: ["w", "old"], delete: true }]);
    const found = (await take(changes, 2)).map((change) =>
      "deleted" in change ? `${change.key[1]} deleted` : `${change.key[1]} ${change.value}`
    );
    assertEquals(found, ["a 2", "old deleted"]);
  });

  test("watch() ends with its signal and with its store", async (store) => {
    const stop = new AbortController();
    const first = take(store.watch(["w"], stop.signal), 1);
    stop.abort();
    assertEquals(await first, []);
    assertEquals(await take(store.watch(["w"], AbortSignal.abort()), 1), []);
    const other = await store.again();
    const second = take(other.watch(["w"], anyTime()), 1);
    await other[Symbol.asyncDispose]();
    assertEquals(await second, []);
  });

  test("a closed store answers nothing, and may be closed again", async (store) => {
    const other = await store.again();
    await other[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
    await assertRejects(() => other.get(["a"]));
    await assertRejects(() => other.commit([], [{ key: ["a"], value: 1 }]));
    await using third = await store.again();
    assertEquals(await third.list([]), []);
  });

  test("watch() sees what another process commits", async (store) => {
    const changes = store.watch(["w"], inTime())[Symbol.asyncIterator]();
    const looking = changes.next();
    // a value that is deleted before anybody has looked need not be seen
    const other = maker.elsewhere(`
      await store.commit([], [{ key: ["w", "a"], value: "from elsewhere" }]);
      while (await store.get(["seen"]) === undefined) await new Promise((resolve) => setTimeout(resolve, 10));
      await store.commit([], [{ key: ["w", "a"], delete: true }]);
    `);
    const { value: first } = await looking;
    await store.commit([], [{ key: ["seen"], value: true }]);
    const { value: second } = await changes.next();
    await changes.return?.();
    await other.output;
    assertEquals(first !== undefined && "value" in first && first.value, "from elsewhere");
    assert(second !== undefined && "deleted" in second);
  });

  test("two processes that answer each other through watch() never wait in vain", async (store) => {
    const rounds = 300;
    const calls = store.watch(["pong"], inTime());
    const other = maker.elsewhere(`
      const calls = store.watch(["ping"], AbortSignal.timeout(120_000));
      await store.commit([], [{ key: ["pong"], value: -1 }]);
      for await (const { value } of calls) {
        await store.commit([], [{ key: ["pong"], value }]);
        if (value === ${rounds}) break;
      }
    `);
    let heard = -2;
    for await (const change of calls) {
      if ("value" in change) heard = change.value as number;
      if (heard === rounds) break;
      await store.commit([], [{ key: ["ping"], value: heard + 1 }]);
    }
    assertEquals(heard, rounds);
    await other.output;
  });

  test("two processes that count with checks lose nothing", async (store) => {
    await store.commit([], [{ key: ["n"], value: 0 }]);
    const count = `
      for (let i = 0; i < 50; ) {
        const entry = await store.get(["n"]);
        const write = [{ key: ["n"], value: entry.value + 1 }];
        if (await store.commit([{ key: ["n"], revision: entry.revision }], write)) i++;
      }
    `;
    await Promise.all([maker.elsewhere(count).output, maker.elsewhere(count).output]);
    assertEquals((await store.get(["n"]))?.value, 100);
  });

  test("lock() lets one in at a time, in order of asking", async (store) => {
    const order: string[] = [];
    await Promise.all(["a", "b", "c"].map(async (who) => {
      await using _held = await store.lock(["l", "one"]);
      order.push(`${who} in`);
      await new Promise((resolve) => setTimeout(resolve, 5));
      order.push(`${who} out`);
    }));
    assertEquals(order, ["a in", "a out", "b in", "b out", "c in", "c out"]);
    await using _one = await store.lock(["l", "one"]);
    await using _two = await store.lock(["l", "two"]);
  });

  test("lock() gives up when its signal is aborted, and others still get it", async (store) => {
    const other = await store.again();
    await using _other = other;
    const held = await store.lock(["l"]);
    await assertRejects(() => store.lock(["l"], { signal: AbortSignal.timeout(10) }));
    await assertRejects(() => other.lock(["l"], { signal: AbortSignal.timeout(10) }));
    await held[Symbol.asyncDispose]();
    const again = await other.lock(["l"], { signal: inTime() });
    await again[Symbol.asyncDispose]();
  });

  test("lock() of a process that is killed is free again", async (store) => {
    const seen = take(store.watch(["locked"], inTime()), 1);
    const other = maker.elsewhere(`
      await store.lock(["l"]);
      await store.commit([], [{ key: ["locked"], value: true }]);
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    `);
    assertEquals((await seen).length, 1);
    await assertRejects(() => store.lock(["l"], { signal: AbortSignal.timeout(20) }));
    other.kill();
    const held = await store.lock(["l"], { signal: inTime() });
    await held[Symbol.asyncDispose]();
    await other.output;
  });
}

async function take(changes: AsyncIterable<Change>, count: number): Promise<Change[]> {
  const found: Change[] = [];
  for await (const change of changes) {
    found.push(change);
    if (found.length === count) break;
  }
  return found;
}
