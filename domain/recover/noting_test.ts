import { assertEquals } from "@std/testing";
import { temporaryContext } from "../../tests/support/temporary_context.ts";
import { noteChanges } from "./noting.ts";

const key = ["instances", "default", "c1"];
const record = (config: Record<string, string>, more = {}) => ({
  last_used_at: "1970-01-01T00:00:00Z",
  description: "",
  config: { "volatile.last_state.power": "STOPPED", ...config },
  ...more,
});

Deno.test("an instance is described when it changes and when it ends, not when it merely starts", async () => {
  await using context = await temporaryContext();
  const { store, take } = noteChanges(context.store, () => {});
  const noted = async (value: unknown) => {
    await store.commit([], [{ key, value }]);
    return take().length;
  };
  const running = {
    "volatile.last_state.power": "RUNNING",
    "volatile.last_state.ready": "false",
    "volatile.idmap.current": "[]",
    "volatile.eth0.host_name": "veth1",
  };
  assertEquals(await noted(record({})), 1, "made");
  assertEquals(await noted(record(running, { last_used_at: "2026-01-01T00:00:00Z" })), 0, "started");
  assertEquals(await noted(record({ ...running, "user.a": "b" })), 1, "changed while it runs");
  assertEquals(await noted(record({ "user.a": "b" })), 1, "ended");
  assertEquals(
    await noted(record({ ...running, "user.a": "b" }, { description: "new" })),
    1,
    "changed by its start",
  );
  const mapped = { ...running, "user.a": "b", "volatile.last_state.idmap": "[1]" };
  assertEquals(await noted(record(mapped, { description: "new" })), 1, "given its ids");
});

Deno.test("an instance is described when a snapshot goes, and not when it goes with its snapshots", async () => {
  await using context = await temporaryContext();
  const { store, take } = noteChanges(context.store, () => {});
  const snapshot = ["instance_snapshots", "default", "c1", "s0"];
  await store.commit([], [{ key, value: record({}) }, { key: snapshot, value: record({}) }]);
  take();
  await store.commit([], [{ key: snapshot, delete: true }]);
  assertEquals(take(), [key]);
  await store.commit([], [{ key, delete: true }, { key: snapshot, delete: true }]);
  assertEquals(take(), []);
});
