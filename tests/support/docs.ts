// The pages of docs/ that are made from tables: `deno task docs` writes them, tests/docs_test.ts looks whether
// somebody has.

import { fromFileUrl } from "@std/path";
import { apiPage, apiStatusPage } from "./docs/api.ts";
import { commandsPage } from "./docs/commands.ts";
import { configPage } from "./docs/config.ts";

const pages: Record<string, () => string> = {
  "api.md": apiPage,
  "api_status.md": apiStatusPage,
  "commands.md": commandsPage,
  "config.md": configPage,
};

const pathOf = (name: string) => fromFileUrl(new URL(`../../docs/${name}`, import.meta.url));

/** Names of pages that differ from what the tables say. */
export async function stalePages(): Promise<string[]> {
  const found = await Promise.all(
    Object.entries(pages).map(async ([name, page]) => {
      const text = await Deno.readTextFile(pathOf(name)).catch((error) => {
        if (error instanceof Deno.errors.NotFound) return "";
        throw error;
      });
      return text === await formatted(page()) ? [] : [name];
    }),
  );
  return found.flat();
}

/** A page as `deno fmt` leaves it. */
async function formatted(text: string): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--quiet", "--ext", "md", "--line-width", "110", "-"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const written = new Blob([text]).stream().pipeTo(child.stdin);
  const { stdout, success } = await child.output();
  await written;
  if (!success) throw new Error("deno fmt could not read the page");
  return new TextDecoder().decode(stdout);
}

if (import.meta.main) {
  for (const [name, page] of Object.entries(pages)) {
    await Deno.writeTextFile(pathOf(name), await formatted(page()));
    console.log(`docs/${name}`);
  }
}
