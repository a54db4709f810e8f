import { assertEquals, assertMatch, assertRejects } from "@std/testing";
import { DreyError } from "../errors.ts";
import { temporaryContext } from "../tests/support/temporary_context.ts";
import {
  createProfile,
  deleteProfile,
  describeProfile,
  listProfiles,
  patchProfile,
  renameProfile,
  updateProfile,
} from "./profiles.ts";
import { getStoragePool, listStoragePools, storagePoolResources } from "./storage_pools.ts";

const p1 = { project: "default", name: "p1" };
const byDefault = { project: "default", name: "default" };
const instance = (...profiles: string[]) => ({ profiles, config: {}, devices: {} });

Deno.test("the profile default is there, has a root disk and a NIC, and stays", async () => {
  await using context = await temporaryContext();
  const [profile, ...others] = await listProfiles(context, "default");
  assertEquals([profile?.name, others], ["default", []]);
  assertEquals(profile?.devices, {
    eth0: { name: "eth0", network: "dreybr0", type: "nic" },
    root: { path: "/", pool: "default", type: "disk" },
  });
  for (
    const attempt of [
      () => deleteProfile(context, byDefault),
      () => renameProfile(context, byDefault, "other"),
    ]
  ) {
    assertEquals((await assertRejects(attempt, DreyError)).code, "FORBIDDEN");
  }
  await updateProfile(context, byDefault, { description: "mine", devices: profile?.devices ?? {} });
  assertEquals((await listProfiles(context)).map(({ description }) => description), ["mine"]);
});

Deno.test("PUT replaces a profile, PATCH merges into it", async () => {
  await using context = await temporaryContext();
  const config = { "limits.cpu": "2", "user.a": "b" };
  await createProfile(context, "default", { name: "p1", description: "one", config });
  await patchProfile(context, p1, { config: { "limits.cpu": "3", "user.a": "" } });
  const patched = await describeProfile(context, p1);
  assertEquals([patched.description, patched.config], ["one", { "limits.cpu": "3" }]);
  await updateProfile(context, p1, { config: { "user.c": "d" } });
  const replaced = await describeProfile(context, p1);
  assertEquals([replaced.description, replaced.config], ["", { "user.c": "d" }]);
});

Deno.test("a profile with an unknown key or a bad name is refused", async () => {
  await using context = await temporaryContext();
  const wrong = await assertRejects(
    () => createProfile(context, "default", { name: "p1", config: { "no.such.key": "1" } }),
    DreyError,
  );
  assertMatch(wrong.message, /Unknown configuration key: no\.such\.key/);
  for (const name of ["", ".", "..", "a/b", "a b"]) {
    const error = await assertRejects(() => createProfile(context, "default", { name }), DreyError);
    assertEquals(error.code, "BAD_REQUEST");
  }
  for (const name of ["default", "p1", "p1"]) {
    await createProfile(context, "default", { name }).catch((error) =>
      assertEquals(error.code, "ALREADY_EXISTS")
    );
  }
  assertEquals((await listProfiles(context)).map(({ name }) => name), ["default", "p1"]);
});

Deno.test("a used profile names its users, cannot be deleted, and renames in its users", async () => {
  await using context = await temporaryContext();
  await createProfile(context, "default", { name: "p1" });
  await context.store.commit([], [{ key: ["instances", "default", "c1"], value: instance("default", "p1") }]);
  assertEquals((await describeProfile(context, p1)).used_by, ["/1.0/instances/c1"]);
  const error = await assertRejects(() => deleteProfile(context, p1), DreyError);
  assertMatch(error.message, /currently in use/);
  await renameProfile(context, p1, "p2");
  const entry = await context.store.get(["instances", "default", "c1"]);
  assertEquals(entry?.value, instance("default", "p2"));
  assertEquals((await assertRejects(() => describeProfile(context, p1), DreyError)).code, "NOT_FOUND");
  await context.store.commit([], [{ key: ["instances", "default", "c1"], delete: true }]);
  await deleteProfile(context, { ...p1, name: "p2" });
  assertEquals((await listProfiles(context)).length, 1);
});

Deno.test("twenty changes at once lose nothing", async () => {
  await using context = await temporaryContext();
  await createProfile(context, "default", { name: "p1" });
  await Promise.all(
    Array.from({ length: 20 }, (_, n) => patchProfile(context, p1, { config: { [`user.${n}`]: "x" } })),
  );
  assertEquals(Object.keys((await describeProfile(context, p1)).config).length, 20);
});

Deno.test("the pool default is there, with its users and its space", async () => {
  await using context = await temporaryContext();
  await context.store.commit([], [{
    key: ["instances", "default", "c1"],
    value: { ...instance("default"), pool: "default" },
  }]);
  const [pool] = await listStoragePools(context);
  assertEquals(pool?.used_by, ["/1.0/instances/c1", "/1.0/profiles/default"]);
  const { space } = await storagePoolResources(context, "default");
  assertEquals(space.total >= space.used && space.used >= 0, true);
  assertEquals((await assertRejects(() => getStoragePool(context, "x"), DreyError)).code, "NOT_FOUND");
});
