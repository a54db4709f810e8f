// What the host lacks, as warnings: the findings of `drey doctor`, looked for again once in a while.

import type { Prerequisite } from "../wire/doctor.ts";
import type { Context } from "./context.ts";
import { type Problem, reportProblems, resolveProblems } from "./warnings.ts";

/** `milliseconds` for which the findings of a look count */
const lookEvery = 600_000;

/** Looks at the host, unless somebody just has, and notes what it lacks and what it lacks no more. */
export async function lookAtHost(context: Context): Promise<void> {
  const now = context.now().getTime();
  const last = await context.store.get<string>(["host_looked_at"]);
  if (last !== undefined && now - Date.parse(last.value) < lookEvery) return;
  await context.store.commit([], [{ key: ["host_looked_at"], value: new Date(now).toISOString() }]);
  const { examineHost } = await import("./doctor.ts");
  const found = await examineHost(context);
  await reportProblems(context, found.filter(({ status }) => status !== "ok").map(problemOf));
  await resolveProblems(context, found.filter(({ status }) => status === "ok").map(problemOf));
}

/** A prerequisite as a problem. */
function problemOf({ name, status, found, fix }: Prerequisite): Problem {
  return {
    type: `Host lacks a prerequisite: ${name}`,
    severity: status === "missing" ? "high" : "low",
    message: fix === "" ? found : `${found}. ${fix}`,
  };
}
