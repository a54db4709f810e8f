import { assertEquals, assertRejects } from "@std/testing";
import { DreyError } from "../../errors.ts";
import { formatMap } from "../../idmap/map.ts";
import { chooseLayout } from "../../idmap/ranges.ts";
import { temporaryContext } from "../../tests/support/temporary_context.ts";
import { chooseMap } from "./ids.ts";
import { instanceKey } from "./record.ts";

const ranges = { uids: [{ start: 100_000, count: 200_000 }], gids: [{ start: 100_000, count: 200_000 }] };
const layout = chooseLayout({ uid: 1000, gid: 1000, name: "ada" }, ranges);
const isolated = { "security.idmap.isolated": "true" };
const ref = (name: string) => ({ project: "default", name });

Deno.test("ordinary instances share one map", async () => {
  await using context = await temporaryContext();
  assertEquals(await chooseMap(context, ref("c1"), { config: {}, layout }), layout.container);
});

Deno.test("an isolated instance keeps the map that its files have", async () => {
  await using context = await temporaryContext();
  const map = await chooseMap(context, ref("c1"), { config: isolated, layout });
  const config = { ...isolated, "volatile.last_state.idmap": formatMap(map) };
  const moved = { start: 150_000, count: 200_000 };
  const other = chooseLayout({ uid: 1000, gid: 1000, name: "ada" }, { uids: [moved], gids: [moved] });
  assertEquals(await chooseMap(context, ref("c1"), { config, layout: other }), map);
  const none = chooseLayout({ uid: 1000, gid: 1000, name: "ada" }, { uids: [], gids: [] });
  const attempt = () => chooseMap(context, ref("c1"), { config, layout: none });
  assertEquals((await assertRejects(attempt, DreyError)).code, "SUBID_MISSING");
});

Deno.test("isolated instances keep out of each other's way until the ids are used up", async () => {
  await using context = await temporaryContext();
  const first = await chooseMap(context, ref("c1"), { config: isolated, layout });
  // it was a profile that isolated the first one
  const config = { "volatile.last_state.idmap": formatMap(first) };
  await context.store.commit([], [{ key: instanceKey(ref("c1")), value: { config } }]);
  const second = await chooseMap(context, ref("c2"), { config: isolated, layout });
  assertEquals([first, second].map(({ uids }) => uids[0]?.hostId), [165_536, 231_072]);
  const taken = { ...isolated, "volatile.last_state.idmap": formatMap(second) };
  await context.store.commit([], [{ key: instanceKey(ref("c2")), value: { config: taken } }]);
  const attempt = () => chooseMap(context, ref("c3"), { config: isolated, layout });
  assertEquals((await assertRejects(attempt, DreyError)).code, "SUBID_MISSING");
});
