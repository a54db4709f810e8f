// Contenders that share a process, which takes part round by round: this one, or one of another user or cgroup that is
// told each round by a line and answers with one.

import { type Contender, liveOnce, type Round, time, type Times } from "./contender.ts";
import { contenders } from "./contenders.ts";
import { prepareMaterial } from "./material.ts";
import type { Results } from "./report.ts";

export interface Party extends AsyncDisposable {
  /** Takes each contender through one life. */
  live(round: Round): Promise<void>;
  /** What all lives took, and what is measured once at the end. */
  results(rounds: number): Promise<Results>;
}

/** Opens contenders in this process. */
export async function inThisProcess(names: readonly string[]): Promise<Party> {
  await using open = new AsyncDisposableStack();
  const material = open.use(await prepareMaterial(names));
  const results: Results = { times: {}, absent: {} };
  const present: { contender: Contender; times: Times }[] = [];
  for (const name of names) {
    const opened = await contenders[name]?.(material);
    if (opened === undefined) throw new Error(`Nobody is called ${name}`);
    if ("absent" in opened) results.absent[name] = opened.absent;
    else present.push({ contender: open.use(opened), times: results.times[name] = {} });
  }
  const closing = open.move();
  return {
    async live(round) {
      for (const { contender, times } of present) await liveOnce(contender, times, round);
    },
    async results(rounds) {
      const drey = present.find(({ contender }) => contender.name === "drey");
      if (drey !== undefined) drey.times["list of 50"] = await listFifty(drey.contender, rounds);
      return results;
    },
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

/** `list` with fifty instances that do not run. */
async function listFifty(drey: Contender, rounds: number): Promise<number[]> {
  const [program = ""] = drey.argv("launch", "");
  for (let index = 0; index < 50; index++) await time([program, "init", "bench", `many-${index}`], drey.env);
  const taken: number[] = [];
  for (let round = -2; round < rounds; round++) {
    const took = await time([program, "list"], drey.env);
    if (round >= 0) taken.push(took);
  }
  return taken;
}

/** What is asked of a process by one line of JSON; the answer is one, too. */
type Asked = { live: Round } | { results: number };

/** Starts this program once more, as somebody else; it answers by {@link answerTurns}. */
export async function inAnotherProcess(
  program: string,
  options: { args: string[]; cwd: string; env: Record<string, string> },
): Promise<Party> {
  const child = new Deno.Command(program, { ...options, stdin: "piped", stdout: "piped", stderr: "inherit" })
    .spawn();
  const input = child.stdin.getWriter();
  const answers = linesOf(child.stdout);
  const next = async () => {
    const { value, done } = await answers.next();
    if (done) throw new Error(`${program} ended with ${(await child.status).code}`);
    return value;
  };
  const ask = async (asked: Asked) => {
    await input.write(new TextEncoder().encode(`${JSON.stringify(asked)}\n`));
    return await next();
  };
  await next();
  return {
    live: async (round) => void await ask({ live: round }),
    results: async (rounds) => JSON.parse(await ask({ results: rounds })),
    async [Symbol.asyncDispose]() {
      await input.close();
      await child.status;
    },
  };
}

/** Takes part in the bench of another process, until standard input ends. */
export async function answerTurns(names: readonly string[]): Promise<void> {
  await using party = await inThisProcess(names);
  console.log("ready");
  for await (const line of linesOf(Deno.stdin.readable)) {
    const asked: Asked = JSON.parse(line);
    if ("results" in asked) console.log(JSON.stringify(await party.results(asked.results)));
    else {
      await party.live(asked.live);
      console.log("done");
    }
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
