// Which project was switched to, per server: in the file of remotes for those that were added, and for built-in ones in
// a small file beside it.

import { dirname, join } from "@std/path";
import { DreyError } from "../errors.ts";
import { exists, readIfThere } from "../sys/present.ts";
import { configDirectory } from "./connect.ts";
import type { Remote } from "./remotes.ts";

const file = async () => join(await configDirectory(), "projects.json");

/** The project that commands to a server mean unless they say another; nothing if nobody switched. */
export async function chosenProject({ name, isStatic, project }: Remote): Promise<string | undefined> {
  // remotes that were added have a file, which LXD's client keeps this in as well
  if (!isStatic) return project;
  const chosen = readChosen(await file());
  return Object.hasOwn(chosen, name) ? chosen[name] : undefined;
}

/** Makes a project the one that commands to a server mean. */
export async function chooseProject({ name, isStatic }: Remote, project: string): Promise<void> {
  if (!isStatic) {
    const { changeRemotes } = await import("./remotes_file.ts");
    return await changeRemotes(await configDirectory(), ({ remotes = {} }) => {
      const entry = remotes[name];
      if (entry !== undefined) entry.project = project;
    });
  }
  const path = await file();
  const { [name]: _old, ...others } = readChosen(path);
  const chosen = project === "default" ? others : { ...others, [name]: project };
  await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const partial = `${path}.${Deno.pid}`;
  await Deno.writeTextFile(partial, `${JSON.stringify(chosen, null, 2)}\n`);
  await Deno.rename(partial, path);
}

/** Read at once and whole: most commands find no such file. */
function readChosen(path: string): Record<string, string> {
  const text = exists(path) ? readIfThere(path) : undefined;
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Record<string, string>;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new DreyError("STATE_BROKEN", {
    message: `Cannot read "${path}": it is not what drey project switch writes`,
    hint: "Remove it, and switch again",
  });
}
