// How far a build is, told from what mmdebstrap and apt say line by line.

export interface BuildProgress {
  stage: "sources" | "essential" | "packages" | "archive";
  /** packages of this stage; 0 until apt has said */
  packages: number;
  /** packages fetched, unpacked and set up in this stage, each counted thrice */
  steps: number;
}

export const notStarted: BuildProgress = { stage: "sources", packages: 0, steps: 0 };

/** shares of the whole time, in percent: where each stage begins, and how long it is */
const shares = {
  sources: { from: 0, length: 10 },
  essential: { from: 10, length: 45 },
  packages: { from: 55, length: 40 },
  archive: { from: 95, length: 5 },
};

/** The progress after one more line. */
export function nextProgress(before: BuildProgress, line: string): BuildProgress {
  if (/^I: creating tarball/.test(line)) return { stage: "archive", packages: 0, steps: 0 };
  const count = /(\d+) newly installed/.exec(line)?.[1];
  if (count !== undefined) {
    return {
      stage: before.stage === "sources" ? "essential" : "packages",
      packages: Number(count),
      steps: 0,
    };
  }
  const isStep = /^(Get:\d|Unpacking |Setting up )/.test(line) && before.packages > 0;
  return isStep ? { ...before, steps: before.steps + 1 } : before;
}

/** Percent of the build that is done. */
export function percentOf({ stage, packages, steps }: BuildProgress): number {
  const { from, length } = shares[stage];
  const done = packages === 0 ? 0 : Math.min(1, steps / (3 * packages));
  return Math.floor(from + length * done);
}
