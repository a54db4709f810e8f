// drey config metadata and config template: what the image of an instance said, and its templates.

import { boundedText } from "../../sys/bounded_text.ts";
import { type ImageMetadataPut, imageMetadataPut } from "../../wire/image.ts";
import { toTable } from "../columns.ts";
import { type Format, formatList, toYaml } from "../output.ts";
import { resolveName } from "../resolve.ts";
import type { Shell } from "../shell.ts";

export async function show(shell: Shell): Promise<void> {
  const { client, params } = await find(shell);
  shell.print(await toYaml(await client.call("instance.metadata.get", { params })));
}

export async function edit(shell: Shell): Promise<void> {
  const { client, params } = await find(shell);
  const { edit } = await import("../editor.ts");
  const { value, etag } = await client.read("instance.metadata.get", { params });
  await edit(shell, { value, whole: value, schema: imageMetadataPut }, async (changed) => {
    await client.call("instance.metadata.put", { params, body: changed as ImageMetadataPut, etag });
  });
}

export async function listTemplates(shell: Shell): Promise<void> {
  const { client, params } = await find(shell);
  const response = await client.raw("instance.templates.get", { params });
  const { metadata: names } = JSON.parse(await boundedText(response)) as { metadata: string[] };
  const table = toTable(names, [{ header: "FILENAME", cell: (name) => name }]);
  shell.print(await formatList(shell.typed.text("format") as Format, table, names));
}

export async function showTemplate(shell: Shell): Promise<void> {
  shell.print(await readTemplate(shell));
}

export async function createTemplate(shell: Shell): Promise<void> {
  await writeTemplate(shell, Deno.stdin.isTerminal() ? "" : Deno.stdin.readable);
}

export async function editTemplate(shell: Shell): Promise<void> {
  if (!Deno.stdin.isTerminal()) return await writeTemplate(shell, Deno.stdin.readable);
  const { editText } = await import("../editor.ts");
  const before = await readTemplate(shell);
  const after = await editText(before, ".tpl");
  if (after !== before) await writeTemplate(shell, after);
}

export async function deleteTemplate(shell: Shell): Promise<void> {
  const { client, params, query } = await find(shell);
  await client.call("instance.templates.delete", { params, query });
}

async function find({ typed, connect }: Shell) {
  const { remote, name } = resolveName(typed.args[0] ?? "", "instance");
  return { client: await connect(remote), params: { name }, query: { path: typed.args[1] ?? "" } };
}

async function readTemplate(shell: Shell): Promise<string> {
  const { client, params, query } = await find(shell);
  return await boundedText(await client.raw("instance.templates.get", { params, query }));
}

async function writeTemplate(shell: Shell, body: BodyInit): Promise<void> {
  const { client, params, query } = await find(shell);
  await client.call("instance.templates.put", { params, query, upload: { body, headers: {} } });
}
