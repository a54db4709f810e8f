// A file that grows at its end until it is whole, for those who read it meanwhile.

/** How much of a file lies at its path. */
export class Growth {
  #size = 0;
  #state: "growing" | "whole" | "failed" = "growing";
  #error: unknown;
  #wake: (() => void)[] = [];

  /** `bytes` that are there */
  get size(): number {
    return this.#size;
  }

  /** Says how many bytes there are. */
  grow(size: number): void {
    this.#size = size;
    this.#changed();
  }

  /** Says that nothing more will come. */
  end(): void {
    if (this.#state === "growing") this.#state = "whole";
    this.#changed();
  }

  /** Says that the rest will never come: whoever waits for it meets this error. */
  fail(error: unknown): void {
    if (this.#state !== "growing") return;
    this.#state = "failed";
    this.#error = error;
    this.#changed();
  }

  /** Waits until so many bytes are there; answers with how many there are, fewer only if that is all. */
  async until(size: number): Promise<number> {
    while (this.#size < size && this.#state === "growing") {
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
    if (this.#size < size && this.#state === "failed") throw this.#error;
    return this.#size;
  }

  #changed(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }
}
