// drey image build: an image from a definition in YAML.

import { resolveOnServer } from "../resolve.ts";
import { parseYaml, readStdin } from "../editor.ts";
import type { Shell } from "../shell.ts";

export async function build(shell: Shell): Promise<void> {
  const [file = "", target = ""] = shell.typed.args;
  const definition = await parseYaml(file === "-" ? await readStdin() : await Deno.readTextFile(file));
  const client = await shell.connect(resolveOnServer(target).remote);
  const aliases = shell.typed.list("alias").map((name) => ({ name }));
  const body = { definition, aliases, public: shell.typed.has("public") };
  const ended = await shell.wait(await client.start("images.build", { body }), file);
  shell.print(`Image built with fingerprint: ${String(ended.metadata?.fingerprint ?? "")}\n`);
}
