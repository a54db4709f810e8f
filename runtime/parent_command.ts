// Running a program in the parent user namespace, in a network namespace of its own that belongs to it.

import { isSingle } from "../idmap/map.ts";
import type { ContainerPlan } from "./container_plan.ts";
import { formatSteps } from "./step_words.ts";
import type { Step } from "./steps.ts";
import { walkerFor } from "./walker.pl.ts";

/** argv that takes a program there, its loopback interface up. */
export function inParentNamespace(
  parent: NonNullable<ContainerPlan["ids"]["parent"]>,
  argv: readonly string[],
): string[] {
  const identity = isSingle(parent.map) ? "kept" : "root";
  const steps: Step[] = [
    { do: "enter-user", pid: parent.pid, level: parent.level, identity },
    { do: "keyring" },
    { do: "unshare", kinds: ["net"] },
    { do: "link-up", name: "lo" },
    { do: "run", argv: [...argv] },
  ];
  return ["/usr/bin/perl", "-e", walkerFor(steps), formatSteps(steps)];
}
