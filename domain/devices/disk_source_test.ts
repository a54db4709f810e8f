import { assertEquals, assertRejects } from "@std/testing";
import { join } from "@std/path";
import { findHostSource } from "./disk_source.ts";

/** A share that somebody in an instance fills, beside what is none of their business. */
async function places() {
  const directory = await Deno.realPath(await Deno.makeTempDir());
  const [share, secret] = [join(directory, "share"), join(directory, "secret")];
  for (const path of [share, secret, join(share, "plain")]) await Deno.mkdir(path);
  return {
    share,
    secret,
    find: (path: string, paths?: string[]) =>
      findHostSource(path, {
        name: "d1",
        isRequired: true,
        bounds: paths === undefined ? undefined : { project: "web", paths },
      }),
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
}

Deno.test("a link in a directory that a project may use leads to no other", async () => {
  await using place = await places();
  const { share, secret, find } = place;
  await Deno.symlink(secret, join(share, "out"));
  await Deno.symlink("../secret", join(share, "up"));
  await Deno.symlink("plain", join(share, "in"));
  assertEquals((await find(join(share, "in"), [share]))?.source, join(share, "plain"));
  assertEquals((await find(share, [share]))?.source, share);
  for (const path of ["out", "up", "plain/../../secret", "in/../up"]) {
    await assertRejects(() => find(`${share}/${path}`, [share]), Error, "disk.paths");
    assertEquals(
      (await find(`${share}/${path}`))?.source,
      secret,
      "where nothing is forbidden, it is followed",
    );
  }
  // what is allowed may itself be named by a link
  await Deno.symlink(share, join(secret, "alias"));
  assertEquals((await find(join(share, "plain"), [join(secret, "alias")]))?.source, join(share, "plain"));
  await assertRejects(() => find(`${share}-other`, [share]), Error, "does not exist");
  await assertRejects(() => find(secret, [join(secret, "absent"), share]), Error, "disk.paths");
});

Deno.test("links that go in a ring lead nowhere", async () => {
  await using place = await places();
  const { share, find } = place;
  await Deno.symlink("b", join(share, "a"));
  await Deno.symlink("a", join(share, "b"));
  await assertRejects(() => find(join(share, "a")), Error, "does not exist");
  await assertRejects(() => find(join(share, "plain/none")), Error, "does not exist");
  assertEquals((await find("/"))?.source, "/");
});
