import { assertEquals, assertRejects } from "@std/testing";
import { temporaryContext } from "../../tests/support/temporary_context.ts";
import { DreyError } from "../../errors.ts";
import { createProfile, renameProfile } from "../profiles.ts";
import { editRecord } from "./changes.ts";
import { instanceKey, type InstanceRecord, loadRecord } from "./record.ts";

const ref = { project: "default", name: "c1" };
const moved = (record: InstanceRecord): InstanceRecord => ({ ...record, pool: "b" });

Deno.test("editRecord() keeps what others write to the record meanwhile", async () => {
  await using context = await temporaryContext();
  await createProfile(context, "default", { name: "old", description: "", config: {}, devices: {} });
  const value = { profiles: ["old"], pool: "a", config: {}, devices: {} };
  await context.store.commit([], [{ key: instanceKey(ref), value }]);
  const { store } = context;
  const commit = store.commit.bind(store);
  store.commit = async (checks, writes) => {
    store.commit = commit;
    await renameProfile(context, { project: "default", name: "old" }, "new");
    return await commit(checks, writes);
  };
  await editRecord(context, ref, moved);
  const { value: { profiles, pool } } = await loadRecord(context, ref);
  assertEquals({ profiles, pool }, { profiles: ["new"], pool: "b" });
  const missing = await assertRejects(() => editRecord(context, { ...ref, name: "c2" }, moved), DreyError);
  assertEquals(missing.code, "NOT_FOUND");
});
