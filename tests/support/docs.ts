// Files generated from tables, the pages of docs/ and the first page of the help: `deno task docs` writes them,
// and tests/docs_test.ts fails while they are out of date.

import { fromFileUrl } from "@std/path";
import { commands, groups } from "../../cli/commands.ts";
import { help } from "../../cli/help.ts";
import { apiPage, apiStatusPage } from "./docs/api.ts";
import { commandsPage } from "./docs/commands.ts";
import { configPage } from "./docs/config.ts";

const pages: Record<string, () => string> = {
  "docs/api.md": apiPage,
  "docs/api_status.md": apiStatusPage,
  "docs/commands.md": commandsPage,
  "docs/config.md": configPage,
  "cli/program_page.ts": programPageSource,
};

/** What `drey --help` prints, ready: made from the table each time it takes 2 ms. */
function programPageSource(): string {
  const text = help("", { commands, groups }).replaceAll(/[\\`$]/g, "\\$&");
  return `// What \`drey --help\` prints, made from the table of commands by \`deno task docs\`.

/** The help for the whole program. */
export const programPage = \`${text}\`;
`;
}

const pathOf = (name: string) => fromFileUrl(new URL(`../../${name}`, import.meta.url));

/** Paths of pages that differ from what the tables say. */
export async function stalePages(): Promise<string[]> {
  const found = await Promise.all(
    Object.entries(pages).map(async ([name, page]) => {
      const text = await Deno.readTextFile(pathOf(name)).catch((error) => {
        if (error instanceof Deno.errors.NotFound) return "";
        throw error;
      });
      return text === await formatted(name, page()) ? [] : [name];
    }),
  );
  return found.flat();
}

/** A page as `deno fmt` leaves it. */
async function formatted(name: string, text: string): Promise<string> {
  const extension = name.split(".").at(-1) ?? "";
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--quiet", "--ext", extension, "--line-width", "110", "-"],
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
    await Deno.writeTextFile(pathOf(name), await formatted(name, page()));
    console.log(name);
  }
}
