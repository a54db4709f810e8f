// What is compared, and how: the same steps for everybody, each a whole process from start to exit.

export const steps = ["launch", "exec", "stop", "start", "delete"] as const;
export type Step = typeof steps[number];

/** Milliseconds per step, sorted by when they were taken. */
export type Times = Partial<Record<string, number[]>>;

export interface Contender extends AsyncDisposable {
  name: string;
  /** argv of one step on the instance of this name */
  argv(step: Step, instance: string): readonly string[];
  env?: Record<string, string>;
  /** waits until a booted instance has come to rest */
  settle?(instance: string): Promise<void>;
  /** steps on an instance that is stopped, in this order, and what to do afterwards without a clock */
  stopped?(instance: string): { timed: Record<string, readonly string[]>; after: readonly string[][] };
  /** steps of its own, each an argv */
  extra?: Record<string, readonly string[]>;
}

/** The image everybody starts from. */
export interface Material {
  /** files of the image, LXD's split form */
  metadata: string;
  rootfs: string;
  /** directory with room for everybody, on a disk */
  directory: string;
}

/** Runs one whole process and says how long it took, in milliseconds. */
export async function time(argv: readonly string[], env: Record<string, string> = {}): Promise<number> {
  const [program = "", ...args] = argv;
  const command = new Deno.Command(program, { args, env, stdin: "null", stdout: "null", stderr: "piped" });
  const start = performance.now();
  const child = command.spawn();
  const { code } = await child.status;
  const took = performance.now() - start;
  const said = await new Response(child.stderr).text();
  if (code !== 0) throw new Error(`${argv.join(" ")} ended with ${code}: ${said.trim()}`);
  return took;
}

/** Takes an instance of a contender through its life once and adds what the steps took, unless it is to warm up. */
export async function liveOnce(contender: Contender, times: Times, { round, counts }: Round): Promise<void> {
  const take = async (name: string, argv: readonly string[]) => {
    const took = await time(argv, contender.env);
    if (counts) (times[name] ??= []).push(took);
  };
  const instance = `bench-${round}`;
  await take("launch", contender.argv("launch", instance));
  await contender.settle?.(instance);
  await take("exec", contender.argv("exec", instance));
  await take("stop", contender.argv("stop", instance));
  await take("start", contender.argv("start", instance));
  await contender.settle?.(instance);
  await time(contender.argv("stop", instance), contender.env);
  const stopped = contender.stopped?.(instance);
  for (const [name, argv] of Object.entries(stopped?.timed ?? {})) await take(name, argv);
  for (const argv of stopped?.after ?? []) await time(argv, contender.env);
  await take("delete", contender.argv("delete", instance));
  for (const [name, argv] of Object.entries(contender.extra ?? {})) await take(name, argv);
}

export interface Round {
  round: number;
  /** false for those that only warm up */
  counts: boolean;
}

/** What drey and LXD both do with an instance that is stopped, in the same words. */
export function stoppedSteps(
  program: readonly string[],
  instance: string,
): ReturnType<NonNullable<Contender["stopped"]>> {
  return {
    timed: {
      snapshot: [...program, "snapshot", instance, "s0"],
      restore: [...program, "restore", instance, "s0"],
      copy: [...program, "copy", instance, `${instance}-copy`, "--instance-only"],
    },
    // what is deleted with a clock has no snapshots, as Podman's containers have none
    after: [[...program, "delete", `${instance}-copy`], [...program, "delete", `${instance}/s0`]],
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle) - 1] ?? NaN)) / 2;
}
