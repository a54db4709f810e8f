// Waiting for what must come, however slow the machine is: a test is no measurement.

/** Waits until something holds; fails after two minutes, by when it would have happened on any machine. */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  pause = 100,
): Promise<void> {
  const start = performance.now();
  while (!await holds()) {
    if (performance.now() - start > 120_000) throw new Error(`not within two minutes: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
