#!/usr/bin/env -S deno run -A --quiet
// First word to entrance: a command, the server, the clean-up after an instance, or the answers to one. Each part is loaded only if it
// is the one that runs, since a command's time is mostly loading.

/** Commands that wait for another program, which is begun before they are read. */
const takesLong = ["delete"];

/** Runs one command line to the exit status of the process. */
export async function enter(argv: readonly string[]): Promise<number> {
  const [first, ...rest] = argv;
  switch (first) {
    case "reap": {
      const { reap } = await import("./domain/instances/reap.ts");
      await reap(rest);
      return 0;
    }
    case "guest": {
      const { guest } = await import("./api/guest_server.ts");
      await guest(rest);
      return 0;
    }
    case "serve":
      if (!rest.some((word) => word === "--help" || word === "-h")) {
        const { serve } = await import("./api/serve.ts");
        return await serve(rest) ?? 0;
      }
  }
  const early = takesLong.includes(first ?? "")
    ? await import("./domain/instances/early_root.ts")
    : undefined;
  early?.beginWanted(argv);
  const { main } = await import("./cli/main.ts");
  const status = await main(argv);
  await early?.endUnwanted();
  return status;
}

// exiting at once does not wait for what a command left behind, such as a read of the terminal
if (import.meta.main) Deno.exit(await enter(Deno.args));
