// drey image: what images are here, and their properties.

import { DreyError } from "../../errors.ts";
import type { Client } from "../../client/client.ts";
import { defaultRemote, type Remote } from "../../client/remotes.ts";
import { type Image, type ImagePut, imagePut } from "../../wire/image.ts";
import { chooseColumns, type Columns, toTable } from "../columns.ts";
import { edit as editYaml } from "../editor.ts";
import { binarySize, dateTime, type Format, formatList, longDate, toYaml } from "../output.ts";
import { checkImageRemote, resolve } from "../resolve.ts";
import type { Shell } from "../shell.ts";

const columns: Columns<Image> = {
  l: { header: "ALIAS", cell: ({ aliases: [first, ...more] }) => aliasText(first?.name, more.length) },
  L: { header: "ALIASES", cell: ({ aliases }) => aliases.map(({ name }) => name).join("\n") },
  f: { header: "FINGERPRINT", cell: ({ fingerprint }) => fingerprint.slice(0, 12) },
  F: { header: "FINGERPRINT", cell: ({ fingerprint }) => fingerprint },
  p: { header: "PUBLIC", cell: (image) => image.public ? "yes" : "no" },
  d: { header: "DESCRIPTION", cell: ({ properties }) => properties.description ?? "" },
  e: { header: "PROJECT", cell: ({ project }) => project },
  a: { header: "ARCHITECTURE", cell: ({ architecture }) => architecture },
  t: { header: "TYPE", cell: ({ type }) => type.toUpperCase() },
  s: { header: "SIZE", cell: ({ size }) => binarySize(size) },
  u: { header: "UPLOAD DATE", cell: ({ uploaded_at }) => longDate(uploaded_at) },
};

const aliasText = (first = "", more: number) => more === 0 ? first : `${first} (${more} more)`;

export async function list(shell: Shell): Promise<void> {
  const { typed } = shell;
  const [first = "", ...rest] = typed.args;
  const { remote, name } = resolve(
    /^[\w.-]+:/.test(first) && !first.includes("=") ? first : `${defaultRemote()}:${first}`,
  );
  checkImageRemote(remote);
  const isWide = typed.has("all-projects");
  const found = remote.isImageServer
    ? await askRemote(shell, remote)
    : await (await shell.connect(remote)).call("images.list", {
      query: { recursion: 1, "all-projects": isWide || undefined },
    });
  const filters = [name, ...rest].filter((filter) => filter !== "");
  const shown = found.filter((image) => filters.every((filter) => passes(image, filter)));
  const letters = `${isWide ? "e" : ""}${typed.text("columns")}`;
  const table = toTable(shown, chooseColumns(letters, columns));
  shell.print(await formatList(typed.text("format") as Format, table, shown));
}

/** A filter as LXD's client reads it: part of an alias, the start of a fingerprint, or a pattern for a property. */
function passes(image: Image, filter: string): boolean {
  const at = filter.indexOf("=");
  if (at === -1) {
    return image.fingerprint.startsWith(filter) || image.aliases.some(({ name }) => name.includes(filter));
  }
  const [key, value] = [filter.slice(0, at), filter.slice(at + 1)];
  const fields: Record<string, string> = {
    type: image.type,
    architecture: image.properties.architecture ?? image.architecture,
    public: String(image.public),
    cached: String(image.cached),
    auto_update: String(image.auto_update),
  };
  const names = Object.keys(image.properties).filter((name) => name.startsWith(key));
  // the beginning of a property's name is enough, as long as only one has it
  const has = { ...image.properties, ...fields };
  const found = (Object.hasOwn(has, key) ? has[key] : undefined) ??
    (names.length === 1 ? image.properties[names[0] as string] : undefined) ?? "";
  return found.toLowerCase() === value.toLowerCase() || matches(found, value);
}

function matches(text: string, pattern: string): boolean {
  try {
    return new RegExp(`^(?:${pattern})$`, "i").test(text);
  } catch (error) {
    if (error instanceof SyntaxError) return false; // it is no pattern, just another value
    throw error;
  }
}

/** What an image server offers; this side's drey asks it, and remembers the answer. */
export async function askRemote(shell: Shell, remote: Remote, alias?: string): Promise<Image[]> {
  const client = await shell.connect(resolve("local:").remote);
  const { address: server, protocol } = remote;
  const type = shell.typed.command.flags.some(({ name }) => name === "vm") && shell.typed.has("vm")
    ? "virtual-machine"
    : undefined;
  return await client.call("remote.images", { query: { server, protocol, alias, type } });
}

/** An image as it stands, wherever it is. */
async function look(shell: Shell, text: string): Promise<Image> {
  const { remote, name } = resolve(text);
  if (!remote.isImageServer) {
    const { client, fingerprint } = await readImage(shell, text);
    return await client.call("image.get", { params: { fingerprint } });
  }
  checkImageRemote(remote);
  const [image] = await askRemote(shell, remote, name);
  if (image === undefined) throw new DreyError("NOT_FOUND", { message: `Image "${text}" not found` });
  return image;
}

export async function info(shell: Shell): Promise<void> {
  const image = await look(shell, shell.typed.args[0] ?? "");
  const time = (iso: string, never: string) => dateTime(iso) || never;
  shell.print([
    `Fingerprint: ${image.fingerprint}`,
    `Size: ${binarySize(image.size)}`,
    `Architecture: ${image.architecture}`,
    `Type: ${image.type}`,
    `Public: ${image.public ? "yes" : "no"}`,
    "Timestamps:",
    `    Created: ${time(image.created_at, "unknown")}`,
    `    Uploaded: ${time(image.uploaded_at, "unknown")}`,
    `    Expires: ${time(image.expires_at, "never")}`,
    `    Last used: ${time(image.last_used_at, "never")}`,
    "Properties:",
    ...Object.entries(image.properties).sort().map(([key, value]) => `    ${key}: ${value}`),
    "Aliases:",
    ...image.aliases.map(({ name }) => `    - ${name}`),
    `Cached: ${image.cached ? "yes" : "no"}`,
    `Auto update: ${image.auto_update ? "enabled" : "disabled"}`,
    ...(image.update_source === undefined ? [] : sourceLines(image.update_source)),
    `Profiles: ${image.profiles.join(", ")}`,
    "",
  ].join("\n"));
}

const sourceLines = ({ server, protocol, alias }: NonNullable<Image["update_source"]>) => [
  "Source:",
  `    Server: ${server}`,
  `    Protocol: ${protocol}`,
  `    Alias: ${alias}`,
];

export async function show(shell: Shell): Promise<void> {
  shell.print(await toYaml(writable(await look(shell, shell.typed.args[0] ?? ""))));
}

export async function edit(shell: Shell): Promise<void> {
  const { client, fingerprint } = await readImage(shell, shell.typed.args[0] ?? "");
  const { value, etag } = await client.read("image.get", { params: { fingerprint } });
  await editYaml(shell, { value: writable(value), whole: value, schema: imagePut }, async (edited) => {
    const body = { ...writable(value), ...edited } as ImagePut;
    await client.call("image.update", { params: { fingerprint }, body, etag });
  });
}

const writable = ({ auto_update, properties, public: isPublic, expires_at, profiles }: Image): ImagePut => ({
  auto_update,
  properties,
  public: isPublic,
  expires_at,
  profiles,
});

export async function remove(shell: Shell): Promise<void> {
  for (const text of shell.typed.args) {
    const { client, fingerprint } = await readImage(shell, text);
    await shell.wait(await client.start("image.delete", { params: { fingerprint } }), text);
  }
}

/** The fingerprint, or the beginning of one, that a typed alias or fingerprint means. */
export async function readImage(
  shell: Shell,
  text: string,
): Promise<{ client: Client; fingerprint: string }> {
  const { remote, name } = resolve(text);
  if (remote.isImageServer) {
    checkImageRemote(remote);
    throw new DreyError("NOT_SUPPORTED", {
      message: `The images of the remote "${remote.name}" are not ours to change or to take out`,
      hint: "Copy the one you want first: drey image copy",
    });
  }
  if (name === "") throw new DreyError("BAD_REQUEST", { message: `Missing name of the image in "${text}"` });
  const client = await shell.connect(remote);
  try {
    const { target } = await client.call("image.alias.get", { params: { name } });
    return { client, fingerprint: target };
  } catch (error) {
    if (error instanceof DreyError && error.code === "NOT_FOUND") return { client, fingerprint: name };
    throw error;
  }
}
