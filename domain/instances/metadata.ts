// What the image said of an instance, and its templates: read from the image until they are changed, then from files
// of the instance's own. Templates are filled in by templates.ts.

import { dirname, join } from "@std/path";
import { DreyError } from "../../errors.ts";
import { formatMetadata, parseMetadata } from "../../images/metadata.ts";
import type { ImageMetadata, ImageMetadataPut } from "../../wire/image.ts";
import type { Context, Ref } from "../context.ts";
import { emitLifecycle } from "../events.ts";
import { lowersDirectory } from "../images/directories.ts";
import { instanceAddress, lockInstance } from "./record.ts";
import { openRootPool } from "./root_volume.ts";
import { volumeOf } from "./volume_of.ts";

const metadataFile = "metadata.yaml";
const templatesDirectory = "templates";

/** @throws {DreyError} `NOT_FOUND` */
export async function getMetadata(context: Context, ref: Ref): Promise<ImageMetadata> {
  const metadata = await readMetadata(context, ref);
  await tell(context, ref, { action: "instance-metadata-retrieved", at: "metadata" });
  return metadata;
}

/**
 * Replaces the metadata, or with `merge` the fields that are given.
 *
 * @throws {DreyError} `NOT_FOUND`; `IMAGE_INVALID` for what no image could say
 */
export async function setMetadata(
  context: Context,
  ref: Ref,
  { put, merge }: { put: ImageMetadataPut; merge: boolean },
): Promise<void> {
  await using _lock = await lockInstance(context, ref);
  const before = merge ? await readMetadata(context, ref) : undefined;
  // what was written is read again: the same rules hold for it as for an image
  const text = await formatMetadata({ ...before, ...put } as Parameters<typeof formatMetadata>[0]);
  await parseMetadata(text);
  writeWhole(join(await ownHome(context, ref), metadataFile), text);
  await tell(context, ref, { action: "instance-metadata-updated", at: "metadata" });
}

/** Names of the templates. @throws {DreyError} `NOT_FOUND` */
export async function listTemplates(context: Context, ref: Ref): Promise<string[]> {
  const directory = join(await homeOf(context, ref, templatesDirectory), templatesDirectory);
  return filesIn(directory);
}

/** @throws {DreyError} `NOT_FOUND`, `BAD_REQUEST` */
export async function readTemplate(
  context: Context,
  ref: Ref,
  name: string,
): Promise<Uint8Array<ArrayBuffer>> {
  mustBeName(name);
  const bytes = readPlain(join(await homeOf(context, ref, templatesDirectory), templatesDirectory, name));
  if (bytes === undefined) throw noSuchTemplate(name);
  await tell(context, ref, {
    action: "instance-metadata-template-retrieved",
    at: "metadata/templates",
    name,
  });
  return bytes;
}

/** Creates or replaces a template. @throws {DreyError} `NOT_FOUND`, `BAD_REQUEST` */
export async function writeTemplate(
  context: Context,
  ref: Ref,
  { name, content }: { name: string; content: Uint8Array },
): Promise<void> {
  mustBeName(name);
  await using _lock = await lockInstance(context, ref);
  writeWhole(join(await ownTemplates(context, ref), name), content);
  await tell(context, ref, { action: "instance-metadata-template-created", at: "metadata/templates", name });
}

/** @throws {DreyError} `NOT_FOUND`, `BAD_REQUEST` */
export async function deleteTemplate(context: Context, ref: Ref, name: string): Promise<void> {
  mustBeName(name);
  await using _lock = await lockInstance(context, ref);
  const directory = await ownTemplates(context, ref);
  if (!filesIn(directory).includes(name)) throw noSuchTemplate(name);
  Deno.removeSync(join(directory, name));
  await tell(context, ref, { action: "instance-metadata-template-deleted", at: "metadata/templates", name });
}

/** Templates to fill in. */
export interface TemplateSource {
  metadata(): Promise<ImageMetadata>;
  /** text of a template; undefined if it is not there */
  read(name: string): string | undefined;
}

/** The templates of an instance that is about to start; undefined if it has none. */
export async function templateSource(context: Context, ref: Ref): Promise<TemplateSource | undefined> {
  const directory = join(await homeOf(context, ref, templatesDirectory), templatesDirectory);
  if (!stat(directory)?.isDirectory) return undefined;
  return {
    metadata: () => readMetadata(context, ref),
    read(name) {
      const bytes = readPlain(join(directory, name));
      return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
    },
  };
}

/** The same without telling anybody. */
export async function readMetadata(context: Context, ref: Ref): Promise<ImageMetadata> {
  const bytes = readPlain(join(await homeOf(context, ref, metadataFile), metadataFile));
  if (bytes === undefined) {
    throw new DreyError("NOT_FOUND", { message: `Instance "${ref.name}" has no metadata: no image made it` });
  }
  return await parseMetadata(new TextDecoder().decode(bytes));
}

/** Where a part is: with the instance if it has its own, else with its image. */
async function homeOf(context: Context, ref: Ref, part: string): Promise<string> {
  const own = await ownHome(context, ref);
  return stat(join(own, part)) === undefined ? await imageOf(context, ref) ?? own : own;
}

/** Where the volume of the instance keeps what lies beside its root. */
async function ownHome(context: Context, ref: Ref): Promise<string> {
  await using pool = await openRootPool(context, ref);
  return pool.driver.home(volumeOf(ref));
}

/** The unpacked image, if the instance came from one that is there. */
async function imageOf(context: Context, ref: Ref): Promise<string | undefined> {
  await using pool = await openRootPool(context, ref);
  const image = pool.driver.facts(volumeOf(ref))?.image;
  return image === undefined ? undefined : join(lowersDirectory(context), image);
}

/** The instance's own templates, which begin as a copy of the image's; the caller holds its lock. */
async function ownTemplates(context: Context, ref: Ref): Promise<string> {
  const own = join(await ownHome(context, ref), templatesDirectory);
  if (stat(own) !== undefined) return own;
  const from = join(await imageOf(context, ref) ?? own, templatesDirectory);
  // under its name only once it is whole
  const partial = `${own}.partial`;
  Deno.mkdirSync(partial, { recursive: true });
  for (const name of filesIn(from)) {
    writeWhole(join(partial, name), readPlain(join(from, name)) ?? new Uint8Array());
  }
  Deno.renameSync(partial, own);
  return own;
}

function mustBeName(name: string): void {
  if (/^[^./\0][^/\0]{0,200}$/.test(name)) return;
  throw new DreyError("BAD_REQUEST", { message: `Invalid name of a template: "${name}"` });
}

// An image is anybody's: its links could lead anywhere, so only plain files count.
function readPlain(path: string): Uint8Array<ArrayBuffer> | undefined {
  return stat(path)?.isFile ? Deno.readFileSync(path) : undefined;
}

function filesIn(directory: string): string[] {
  if (!stat(directory)?.isDirectory) return [];
  return [...Deno.readDirSync(directory)].filter((entry) => entry.isFile).map(({ name }) => name).sort();
}

function stat(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function writeWhole(path: string, content: string | Uint8Array): void {
  // an instance that never started has no directory yet
  Deno.mkdirSync(dirname(path), { recursive: true });
  const partial = join(dirname(path), ".partial");
  if (typeof content === "string") Deno.writeTextFileSync(partial, content);
  else Deno.writeFileSync(partial, content);
  Deno.renameSync(partial, path);
}

async function tell(
  context: Context,
  ref: Ref,
  { action, at, name }: { action: string; at: string; name?: string },
): Promise<void> {
  await emitLifecycle(context, {
    project: ref.project,
    action,
    source: `${instanceAddress(ref.name)}/${at}`,
    ...(name === undefined ? {} : { context: { path: name } }),
  });
}

function noSuchTemplate(name: string): DreyError {
  return new DreyError("NOT_FOUND", { message: `Template "${name}" not found` });
}
