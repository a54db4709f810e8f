// What running a program costs, that of its children included.

export interface Cost {
  /** milliseconds */
  wall: number;
  /** milliseconds of all processors */
  processor: number;
  /** largest resident memory of the first process, in bytes */
  memory: number;
}

/** Runs a program that must succeed and says what it cost. */
export async function measure(argv: readonly string[], env: Record<string, string> = {}): Promise<Cost> {
  const [program = "", ...args] = argv;
  const [before, start] = [childTicks(), performance.now()];
  const child = new Deno.Command(program, { args, env, stdin: "null", stdout: "null", stderr: "piped" })
    .spawn();
  let memory = 0;
  const watch = setInterval(() => memory = Math.max(memory, peakOf(child.pid)), 10);
  const { code, stderr } = await child.output();
  const wall = performance.now() - start;
  clearInterval(watch);
  if (code !== 0) throw new Error(`${argv.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return { wall, processor: (childTicks() - before) * 10, memory };
}

/** Hundredths of a second that children we waited for have taken; proc(5). */
function childTicks(): number {
  const stat = Deno.readTextFileSync("/proc/self/stat");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[13]) + Number(fields[14]);
}

function peakOf(pid: number): number {
  try {
    return 1024 * Number(/^VmHWM:\s+(\d+)/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1] ?? 0);
  } catch (error) {
    // it has ended meanwhile
    if (error instanceof Deno.errors.NotFound || /os error 3/.test(String(error))) return 0;
    throw error;
  }
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

/** The medians of two series in one line, and their ratio. */
export function compare(key: "wall" | "processor", ours: readonly Cost[], theirs: readonly Cost[]): string {
  const [a, b] = [median(ours.map((cost) => cost[key])), median(theirs.map((cost) => cost[key]))];
  return `${Math.round(a)} against ${Math.round(b)} ms, ${(a / b).toFixed(2)}`;
}
