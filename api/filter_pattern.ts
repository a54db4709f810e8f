// The regular expressions of filters. Whoever may ask chooses them, so they are matched in time that grows with the
// text and not with powers of it, as V8's are not: by following every way through the pattern at once, after Thompson.

/** What may stand at one place, or a way to go on. */
type Step =
  | { do: "take"; fits: RegExp }
  | { do: "begin" | "end" | "match" }
  | { do: "jump"; to: number[] };

/** Beyond so many steps a pattern is none. */
const most = 5000;

/** A test that finds a pattern anywhere in a text, whatever the case; nothing if it is no pattern that is known. */
export function readPattern(text: string): ((value: string) => boolean) | undefined {
  try {
    const steps = [...new Reader(text).whole(), { do: "match" } as const];
    return (value) => isFound(steps, value);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Reads a pattern; jumps are counted from where they stand. */
class Reader {
  #at = 0;
  readonly #text: string[];

  constructor(text: string) {
    this.#text = [...text];
  }

  whole(): Step[] {
    const steps = this.#choice();
    if (this.#at < this.#text.length) throw new SyntaxError("a parenthesis too many");
    return steps;
  }

  #choice(): Step[] {
    const first = this.#sequence();
    if (!this.#takes("|")) return first;
    const rest = this.#choice();
    return within([jump(1, first.length + 2), ...first, jump(rest.length + 1), ...rest]);
  }

  #sequence(): Step[] {
    const steps: Step[] = [];
    while (this.#at < this.#text.length && !"|)".includes(this.#next())) steps.push(...this.#repeated());
    return within(steps);
  }

  #repeated(): Step[] {
    let steps = this.#atom();
    for (let times = this.#times(); times !== undefined; times = this.#times()) {
      const [least, greatest] = times;
      const once = steps;
      const optional = [jump(1, once.length + 1), ...once];
      steps = copies(once, least);
      if (greatest === Infinity) steps.push(jump(1, once.length + 2), ...once, jump(-once.length - 1));
      else steps.push(...copies(optional, greatest - least));
      this.#takes("?"); // whether little or much is taken does not matter
    }
    return within(steps);
  }

  #times(): [number, number] | undefined {
    if (this.#takes("*")) return [0, Infinity];
    if (this.#takes("+")) return [1, Infinity];
    if (this.#takes("?")) return [0, 1];
    const [braces, least = "", comma, greatest] =
      /^\{(\d{1,3})(,(\d{1,3})?)?\}/.exec(this.#text.slice(this.#at, this.#at + 9).join("")) ?? [];
    if (braces === undefined) return undefined;
    this.#at += braces.length;
    const end = greatest === undefined ? comma === undefined ? Number(least) : Infinity : Number(greatest);
    if (end < Number(least)) throw new SyntaxError("a count that falls");
    return [Number(least), end];
  }

  #atom(): Step[] {
    const char = this.#text[this.#at++] ?? "";
    if (char === "(") return this.#group();
    if (char === "[") return this.#set();
    if (char === "^") return [{ do: "begin" }];
    if (char === "$") return [{ do: "end" }];
    if (char === ".") return [take(".")];
    if (char === "\\") return [take(`\\${this.#text[this.#at++] ?? ""}`)];
    if ("*+?".includes(char)) throw new SyntaxError("nothing to repeat");
    return [take(char.replace(/[\]{}]/, "\\$&"))];
  }

  #group(): Step[] {
    if (this.#takes("?") && !this.#takes(":")) throw new SyntaxError("a group of an unknown kind");
    const steps = this.#choice();
    if (!this.#takes(")")) throw new SyntaxError("a group without an end");
    return steps;
  }

  #set(): Step[] {
    const from = this.#at - 1;
    if (this.#next() === "^") this.#at++;
    if (this.#next() === "]") this.#at++;
    while (this.#next() !== "]") this.#at += this.#next() === "\\" ? 2 : 1;
    this.#at++;
    return [take(this.#text.slice(from, this.#at).join(""))];
  }

  #next(): string {
    const char = this.#text[this.#at];
    if (char === undefined) throw new SyntaxError("it ends too early");
    return char;
  }

  #takes(char: string): boolean {
    const isThere = this.#text[this.#at] === char;
    if (isThere) this.#at++;
    return isThere;
  }
}

const jump = (...to: number[]): Step => ({ do: "jump", to });

/** One character, by V8's own rules for classes of them. */
const take = (source: string): Step => ({ do: "take", fits: new RegExp(`^(?:${source})$`, "isu") });

function copies(steps: Step[], count: number): Step[] {
  if (steps.length * count > most) throw new SyntaxError("too long");
  return Array<Step[]>(count).fill(steps).flat();
}

function within(steps: Step[]): Step[] {
  if (steps.length > most) throw new SyntaxError("too long");
  return steps;
}

function isFound(steps: readonly Step[], value: string): boolean {
  const chars = [...value];
  let places = new Set<number>();
  for (let at = 0; at <= chars.length; at++) {
    const ends = { begin: at === 0, end: at === chars.length };
    follow(steps, places, { from: 0, ends });
    if (places.has(steps.length - 1)) return true;
    const char = chars[at] ?? "";
    const next = new Set<number>();
    const after = { begin: false, end: at + 1 >= chars.length };
    for (const place of places) {
      const step = steps[place];
      if (step?.do === "take" && char !== "" && step.fits.test(char)) {
        follow(steps, next, { from: place + 1, ends: after });
      }
    }
    places = next;
  }
  return false;
}

/** Adds a place, and those that it leads to without taking anything. */
function follow(
  steps: readonly Step[],
  places: Set<number>,
  { from, ends }: { from: number; ends: { begin: boolean; end: boolean } },
): void {
  const waiting = [from];
  for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
    if (places.has(place)) continue;
    places.add(place);
    const step = steps[place];
    if (step?.do === "jump") waiting.push(...step.to.map((distance) => place + distance));
    else if ((step?.do === "begin" && ends.begin) || (step?.do === "end" && ends.end)) {
      waiting.push(place + 1);
    }
  }
}
