// What the commands that should be fast load before they do anything: drey's own parts and the store, no library of
// Deno's that takes longer than they do.

import { assert, assertEquals } from "@std/testing";
import { fromFileUrl, join, relative } from "@std/path";
import { runChecked } from "../sys/run.ts";

const root = join(import.meta.dirname!, "..");

/** The dynamic imports that `drey launch`, `list`, `exec`, `start`, `stop` and `delete` make. */
const loaded = [
  "cli.ts",
  "cli/main.ts",
  ...["launch", "list", "exec", "state", "delete"].map((name) => `cli/commands/${name}.ts`),
  "client/connect.ts",
  "client/client.ts",
  "api/in_process.ts",
  "api/handlers/instances.ts",
  "api/handlers/operations.ts",
  ...["list", "create", "start", "exec", "state", "stop", "delete"].map((n) => `domain/instances/${n}.ts`),
];

interface Module {
  specifier: string;
  dependencies?: { specifier: string; isDynamic?: boolean; code?: { specifier?: string } }[];
}

async function readModules(entrance: string): Promise<Map<string, Module>> {
  const info = await runChecked([Deno.execPath(), "info", "--json", entrance], { cwd: root });
  const { modules }: { modules: Module[] } = JSON.parse(info);
  return new Map(modules.map((module) => [module.specifier, module]));
}

Deno.test("no fast command loads a library of Deno's but the store's", async () => {
  const dear: string[] = [];
  const seen = new Set<string>();
  for (const entrance of loaded) {
    const modules = await readModules(entrance);
    const waiting = [`file://${join(root, entrance)}`];
    assert(modules.has(waiting[0]!), entrance);
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (seen.has(next)) continue;
      seen.add(next);
      for (const { specifier, isDynamic, code } of modules.get(next)?.dependencies ?? []) {
        if (isDynamic || code?.specifier === undefined) continue;
        if (!specifier.startsWith("node:")) waiting.push(code.specifier);
        else if (specifier !== "node:sqlite") dear.push(`${relative(root, fromFileUrl(next))}: ${specifier}`);
      }
    }
  }
  assert(seen.size > 100, `only ${seen.size} modules were looked at`);
  assertEquals(dear, []);
});
