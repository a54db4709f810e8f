// A short queue between one who gives and one who takes, both in this process: whoever is ahead waits.

/** What is given at one end and taken at the other. */
export class Channel<T> implements AsyncIterable<T> {
  #items: T[] = [];
  #state: "open" | "closed" | "left" = "open";
  #failure: { error: unknown } | undefined;
  #wake: (() => void)[] = [];

  /** @param room how many items may wait */
  constructor(private readonly room = 8) {}

  /** Gives an item, as soon as there is room; tells whether somebody still takes. */
  async push(item: T): Promise<boolean> {
    while (this.#state === "open" && this.#items.length >= this.room) await this.#change();
    if (this.#state !== "open") return false;
    this.#items.push(item);
    this.#changed();
    return true;
  }

  /** Says that nothing more will come. */
  close(): void {
    if (this.#state === "open") this.#state = "closed";
    this.#changed();
  }

  /** Says that what has come is worth nothing: whoever takes meets this error. */
  fail(error: unknown): void {
    this.#failure = { error };
    this.close();
  }

  /** Says that nothing more will be taken. */
  leave(): void {
    this.#state = "left";
    this.#items = [];
    this.#changed();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    try {
      while (true) {
        if (this.#failure !== undefined) throw this.#failure.error;
        const item = this.#items.shift();
        if (item !== undefined) {
          this.#changed();
          yield item;
        } else if (this.#state !== "open") return;
        else await this.#change();
      }
    } finally {
      this.leave();
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  #changed(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }
}
