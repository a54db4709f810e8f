// drey image refresh, and single properties of images.

import { DreyError } from "../../errors.ts";
import type { Shell } from "../shell.ts";
import { readImage } from "./image.ts";

export async function refresh(shell: Shell): Promise<void> {
  const { typed } = shell;
  if (!typed.has("all") && typed.args.length === 0) {
    throw new DreyError("BAD_REQUEST", {
      message: `"drey image refresh" needs an image`,
      hint: "Name some, or take every one that is to be kept up to date: --all",
    });
  }
  for (const text of typed.has("all") ? await updatable(shell) : typed.args) {
    const { client, fingerprint } = await readImage(shell, text);
    const ended = await shell.wait(await client.start("image.refresh", { params: { fingerprint } }), text);
    const isFresh = ended.metadata?.refreshed === true;
    shell.print(isFresh ? `Image ${text} refreshed\n` : `Image ${text} is already up to date\n`);
  }
}

/** Fingerprints of the images that are to be kept up to date. */
async function updatable(shell: Shell): Promise<string[]> {
  const { resolve } = await import("../resolve.ts");
  const client = await shell.connect(resolve("").remote);
  const images = await client.call("images.list", { query: { recursion: 1 } });
  return images.flatMap((image) =>
    image.auto_update && image.update_source !== undefined ? [image.fingerprint.slice(0, 12)] : []
  );
}

export async function getProperty(shell: Shell): Promise<void> {
  const [text = "", key = ""] = shell.typed.args;
  const { client, fingerprint } = await readImage(shell, text);
  const { properties } = await client.call("image.get", { params: { fingerprint } });
  if (!Object.hasOwn(properties, key)) throw noProperty(text, key);
  shell.print(`${properties[key]}\n`);
}

export async function setProperty(shell: Shell): Promise<void> {
  const [text = "", key = "", value = ""] = shell.typed.args;
  await change(shell, text, (properties) => ({ ...properties, [key]: value }));
}

export async function unsetProperty(shell: Shell): Promise<void> {
  const [text = "", key = ""] = shell.typed.args;
  await change(shell, text, (properties) => {
    if (!Object.hasOwn(properties, key)) throw noProperty(text, key);
    const { [key]: _, ...rest } = properties;
    return rest;
  });
}

const noProperty = (image: string, key: string) =>
  new DreyError("NOT_FOUND", { message: `Image "${image}" has no property "${key}"` });

type Properties = Record<string, string>;

async function change(shell: Shell, text: string, to: (old: Properties) => Properties): Promise<void> {
  const { client, fingerprint } = await readImage(shell, text);
  const params = { fingerprint };
  const { value, etag } = await client.read("image.get", { params });
  const { auto_update, public: isPublic, expires_at, profiles } = value;
  const body = { auto_update, public: isPublic, expires_at, profiles, properties: to(value.properties) };
  await client.call("image.update", { params, body, etag });
}
