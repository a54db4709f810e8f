// The folder tree is the architecture: imports go down the floors of ARCHITECTURE.md, or to the side shelf.

import { assert, assertEquals } from "@std/testing";
import { fromFileUrl, join, relative } from "@std/path";
import { runChecked } from "../sys/run.ts";

/** Beside every floor, standing on nothing but each other. */
const shelf = ["wire", "config", "errors.ts", "deno.json"];

/** Every room with the rooms it may import from besides the shelf. */
const rooms: Record<string, readonly string[]> = {
  "cli": ["client", "sys"],
  "client": ["auth", "sys"],
  "api": ["domain", "auth"],
  "domain": ["runtime", "images", "storage", "network", "auth", "idmap", "store", "sys"],
  "runtime": ["idmap", "sys"],
  "images": ["idmap", "sys"],
  "storage": ["idmap", "sys"],
  "network": ["sys"],
  "auth": ["sys"],
  "idmap": ["sys"],
  "store": ["sys"],
  "sys": [],
  "agent": ["sys"],
  "ui": [],
  "std": [],
  "wire": [],
  "config": [],
  "errors.ts": [],
  "mod.ts": ["client"],
};

/** Doors that only these files may use. `cli.ts` chooses an entrance, and loads it lazily. */
const doors: Record<string, readonly string[]> = {
  "client/in_process.ts": ["api"],
  "cli.ts": ["cli", "api", "domain"],
};

/** Rooms in which an outside package is welcome; `@std/…` and built-in modules are welcome anywhere. */
const packages: Record<string, readonly string[]> = {
  "hono": ["api"],
  "dns-packet": ["api"],
  "ws": ["api"],
  "@david/dax": ["sys", "images"],
  "deno-std": ["std"],
};

interface Import {
  from: string;
  /** a path in the tree, or the bare name of a package */
  to: string;
}

interface Dependency {
  specifier: string;
  code?: { specifier?: string; error?: string };
  type?: { specifier?: string };
}

interface Graph {
  modules: { specifier: string; dependencies?: Dependency[]; error?: string }[];
}

const root = join(import.meta.dirname!, "..");

async function readImports(): Promise<Import[]> {
  const found = new Map<string, Import>();
  for (const entrance of ["cli.ts", "mod.ts"]) {
    const { modules }: Graph = JSON.parse(
      await runChecked([Deno.execPath(), "info", "--json", entrance], { cwd: root }),
    );
    for (const { specifier, dependencies = [] } of modules.filter(({ specifier }) => isOurs(specifier))) {
      for (const dependency of dependencies) {
        const one = { from: place(specifier), to: target(dependency) };
        found.set(`${one.from} ${one.to}`, one);
      }
    }
  }
  return [...found.values()];
}

const isOurs = (specifier: string) => specifier.startsWith(`file://${root}/`);
const place = (specifier: string) => relative(root, fromFileUrl(specifier));
const roomOf = (path: string) => path.split("/")[0]!;

/** Bare names stay names, even those that stand for a file of `std/`. */
function target({ specifier, code, type }: Dependency): string {
  const url = code?.specifier ?? type?.specifier ?? "";
  return specifier.startsWith(".") && isOurs(url) ? place(url) : specifier;
}

function isAllowed({ from, to }: Import): boolean {
  const room = roomOf(from);
  if (to.startsWith("@std/") || to.startsWith("node:")) return true;
  const name = Object.keys(packages).find((name) => to === name || to.startsWith(`${name}/`));
  if (name !== undefined) return packages[name]!.includes(room);
  const wanted = roomOf(to);
  if (wanted === room || shelf.includes(wanted)) return true;
  return (doors[from] ?? []).includes(wanted) || (rooms[room] ?? []).includes(wanted);
}

Deno.test("imports go down or to the side shelf, and outside packages stay in their rooms", async () => {
  const imports = await readImports();
  assert(imports.length > 100, `only ${imports.length} imports were found`);
  const wrong = imports.filter((one) => !isAllowed(one)).map(({ from, to }) => `${from} imports ${to}`);
  assertEquals(wrong, []);
});

Deno.test("every room of the tree is known to the plan", async () => {
  const used = new Set((await readImports()).map(({ from }) => roomOf(from)));
  assertEquals([...used].filter((room) => room !== "cli.ts" && rooms[room] === undefined), []);
});

Deno.test("the plan itself has no way up", () => {
  const reaches = (from: string, seen: readonly string[] = []): readonly string[] =>
    (rooms[from] ?? []).flatMap((to) => seen.includes(to) ? [] : [to, ...reaches(to, [...seen, to])]);
  assertEquals(Object.keys(rooms).filter((room) => reaches(room).includes(room)), []);
});
