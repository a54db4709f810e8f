import { assertEquals, assertRejects } from "@std/testing";
import { DreyError } from "../errors.ts";
import { temporaryContext } from "../tests/support/temporary_context.ts";
import {
  changeWarning,
  deleteWarning,
  forgetWarnings,
  getWarning,
  listWarnings,
  type Problem,
  reportProblems,
  resolveProblems,
} from "./warnings.ts";

const problem: Problem = { type: "Too slow", severity: "low", message: "first" };
const ofInstance: Problem = { ...problem, project: "web", entity: "/1.0/instances/c1" };

Deno.test("the same problem of the same thing is one warning, counted", async () => {
  await using context = await temporaryContext();
  await reportProblems(context, [problem, ofInstance]);
  context.advance(1000);
  await reportProblems(context, [{ ...problem, message: "second" }]);
  const warnings = await listWarnings(context);
  assertEquals(warnings.map(({ count, last_message }) => [count, last_message]), [[2, "second"], [
    1,
    "first",
  ]]);
  assertEquals(warnings.map(({ entity_url }) => entity_url), ["", "/1.0/instances/c1?project=web"]);
  assertEquals(warnings[0]!.first_seen_at < warnings[0]!.last_seen_at, true);
  assertEquals((await listWarnings(context, "web")).length, 1);
});

Deno.test("a warning that is acknowledged stays so, one that was resolved is new again", async () => {
  await using context = await temporaryContext();
  await reportProblems(context, [problem]);
  const [{ uuid } = { uuid: "" }] = await listWarnings(context);
  const status = async () => (await getWarning(context, uuid)).status;
  await changeWarning(context, uuid, { status: "acknowledged" });
  await reportProblems(context, [problem]);
  assertEquals(await status(), "acknowledged");
  await resolveProblems(context, [problem]);
  assertEquals(await status(), "resolved");
  await reportProblems(context, [problem]);
  assertEquals(await status(), "new");
  for (const wrong of ["", "resolved", "nonsense"]) {
    await assertRejects(
      () => changeWarning(context, uuid, { status: wrong }),
      DreyError,
      "Invalid warning type",
    );
  }
  await deleteWarning(context, uuid);
  await assertRejects(() => getWarning(context, uuid), DreyError, "Warning not found");
});

Deno.test("warnings about a thing go with it", async () => {
  await using context = await temporaryContext();
  await reportProblems(context, [problem, ofInstance]);
  const about = { project: "web", entity: "/1.0/instances/c1" };
  await context.store.commit([], await forgetWarnings(context, about));
  assertEquals((await listWarnings(context)).map(({ project }) => project), [""]);
});
