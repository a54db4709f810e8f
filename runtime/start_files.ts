// What the first stage of a container finds in files: the steps of its two halves and the programs that walk them.

import type { ContainerPlan } from "./container_plan.ts";
import { innerSteps, outerSteps, type StartFiles } from "./namespaces.ts";
import { formatSteps } from "./step_words.ts";
import { walkerFor } from "./walker.pl.ts";

/** The two step files, and the programs that walk them, each with no more than it needs: Perl compiles them anew. */
export function planFiles(
  plan: ContainerPlan,
  files: StartFiles,
): { outer: string; outerWalker: string; inner: string; innerWalker: string } {
  const outer = outerSteps(plan, files);
  const inner = innerSteps(plan);
  return {
    outer: formatSteps(outer),
    outerWalker: walkerFor(outer),
    inner: formatSteps(inner),
    innerWalker: walkerFor(inner),
  };
}
