// drey image build: an image from a definition in YAML.

import { DreyError } from "../../errors.ts";
import { parseYaml, readStdin } from "../editor.ts";
import { resolveOnServer } from "../resolve.ts";
import type { Shell } from "../shell.ts";

export async function build(shell: Shell): Promise<void> {
  const [file = "", target = ""] = shell.typed.args;
  const definition = await parseYaml(file === "-" ? await readStdin() : await Deno.readTextFile(file));
  for (const option of shell.typed.list("option")) setOption(definition, option);
  const client = await shell.connect(resolveOnServer(target).remote);
  const aliases = shell.typed.list("alias").map((name) => ({ name }));
  const body = { definition, aliases, public: shell.typed.has("public") };
  const ended = await shell.wait(await client.start("images.build", { body }), file);
  shell.print(`Image built with fingerprint: ${String(ended.metadata?.fingerprint ?? "")}\n`);
}

/** Sets a key of a definition, `image.release=bookworm`. @throws {DreyError} `BAD_REQUEST` */
function setOption(definition: unknown, option: string): void {
  const [, path = "", value = ""] = /^([^=]*)=(.*)$/s.exec(option) ?? [];
  const words = path.split(".");
  const last = words.pop() ?? "";
  let map = definition;
  for (const word of words) map = isMap(map) ? map[word] ??= {} : undefined;
  if (words.length === 0 || last === "" || !isMap(map)) {
    throw new DreyError("BAD_REQUEST", {
      message:
        `Expected a key of the definition and its value, such as image.release=bookworm, got "${option}"`,
    });
  }
  map[last] = value;
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
