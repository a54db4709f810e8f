#!/usr/bin/env -S deno run -A --quiet
// First word to entrance: a command, the server, the clean-up after an instance, or the answers to one. Each part is loaded only if it
// is the one that runs, since a command's time is mostly loading.

/** What begins something before a command's words are read, for those that wait for another program or for the kernel. */
interface Early {
  beginWanted(argv: readonly string[]): void | Promise<void>;
  endUnwanted(): Promise<void>;
}

const root = () => import("./domain/instances/early_root.ts");
const earlies: Record<string, () => Promise<Early>> = {
  delete: root,
  exec: () => import("./domain/instances/early_way_in.ts"),
  launch: root,
  start: root,
};

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
  const early = Object.hasOwn(earlies, first ?? "") ? await earlies[first ?? ""]?.() : undefined;
  await early?.beginWanted(argv);
  const { main } = await import("./cli/main.ts");
  const status = await main(argv);
  await early?.endUnwanted();
  return status;
}

/**
 * The same for the bundle. Its first lines leave word in the environment: for a part of it where the bundle is, and for a
 * whole one that has no parts yet where they are to be.
 */
export async function enterBundle(argv: readonly string[]): Promise<number> {
  const word = Deno.env.get("DREY_BUNDLE") ?? "";
  Deno.env.delete("DREY_BUNDLE");
  // this is for Deno's start, and not for the programs drey starts
  Deno.env.delete("GLIBC_TUNABLES");
  const isPart = Deno.mainModule.endsWith(".mjs");
  const cache = isPart ? giveBackDenoDir() : "";
  const { startedAs } = await import("./domain/entrance.ts");
  startedAs(isPart ? word : decodeURIComponent(new URL(Deno.mainModule).pathname));
  const status = await enter(argv);
  if (isPart) {
    // the help would look into libc for nothing else
    if (argv[0] !== "--help") (await import("./cli/code_cache.ts")).foldCodeCache(cache);
  } else if (word !== "") {
    const { keepParts } = await import("./cli/bundle_parts.ts");
    keepParts(decodeURIComponent(new URL(Deno.mainModule).pathname), word, argv[0] ?? "");
  }
  return status;
}

/** Parts of the bundle have a cache of Deno's to themselves, and what drey starts the caller's; where the former is. */
function giveBackDenoDir(): string {
  const theirs = Deno.env.get("DREY_DENO_DIR") ?? "";
  const ours = Deno.env.get("DENO_DIR") ?? "";
  if (theirs === "") Deno.env.delete("DENO_DIR");
  else Deno.env.set("DENO_DIR", theirs);
  Deno.env.delete("DREY_DENO_DIR");
  return ours;
}

// exiting at once does not wait for what a command left behind, such as a read of the terminal
if (import.meta.main) Deno.exit(await enter(Deno.args));
