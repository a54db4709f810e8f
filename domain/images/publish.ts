// Publishing: a stopped instance, or a snapshot of one, becomes an image in LXD's unified format.

import * as serverKeys from "../../config/server_keys.ts";
import { DreyError } from "../../errors.ts";
import type { ImagesPost } from "../../wire/image.ts";
import type { Operation } from "../../wire/operation.ts";
import type { Context, Ref } from "../context.ts";
import type { InstanceTree } from "../instances/tree.ts";
import { startOperation, type Task } from "../operations.ts";
import { announce, type ImageWish } from "./create.ts";
import { adoptImage, mustBeFree, openStage } from "./files.ts";
import { imageSetting } from "./settings.ts";
import { newRecord } from "./new_record.ts";
import { reporter } from "./progress.ts";

export interface Projects {
  /** where the image will be */
  project: string;
  /** where the instance is */
  instances: string;
}

/**
 * Begins to make an image of an instance.
 *
 * @throws {DreyError} `NOT_FOUND`, `BAD_REQUEST`, `INSTANCE_STATE` if it runs
 */
export async function publishImage(
  context: Context,
  projects: Projects,
  { body, wish }: { body: ImagesPost; wish: ImageWish },
): Promise<Operation> {
  const { source } = body;
  const [name = "", snapshot] = (source?.name ?? "").split("/");
  if (name === "" || (source?.type === "snapshot") !== (snapshot !== undefined)) {
    throw new DreyError("BAD_REQUEST", {
      message: `Invalid name of the instance to publish: "${source?.name ?? ""}"`,
    });
  }
  const { compressor } = await import("../../images/compressors.ts");
  const algorithm = body.compression_algorithm ||
    await imageSetting(context, projects.project, serverKeys.imagesCompression) || "gzip";
  const argv = compressor(algorithm);
  await mustBeFree(context, projects.project, wish.aliases ?? []);
  const ref = { project: projects.instances, name };
  const { openTree } = await import("../instances/tree.ts");
  const application = await applicationOf(context, ref, snapshot);
  await using undo = new AsyncDisposableStack();
  const tree = undo.use(await openTree(context, ref, snapshot));
  const operation = await startOperation(context, {
    project: projects.project,
    description: "Downloading image",
    resources: { instances: [`/1.0/instances/${name}`] },
    mayCancel: true,
    async run(task) {
      await using open = tree;
      await publish(context, projects.project, { ref, wish, application, argv, task, ...open });
    },
  });
  undo.move(); // from here the operation holds the files
  return operation;
}

interface Publishing {
  ref: Ref;
  wish: ImageWish;
  /** what an application container runs, as properties */
  application: Record<string, string>;
  /** what compresses */
  argv: string[];
  task: Task;
  read: InstanceTree["read"];
  type: InstanceTree["type"];
}

/** What a container, or its snapshot, is set to run. @throws {DreyError} `NOT_FOUND` */
async function applicationOf(context: Context, ref: Ref, snapshot?: string): Promise<Record<string, string>> {
  const { applicationProperties } = await import("../instances/application.ts");
  const { loadRecord } = await import("../instances/record.ts");
  const { loadSnapshot } = await import("../instances/snapshots/record.ts");
  const { value } = snapshot === undefined
    ? await loadRecord(context, ref)
    : await loadSnapshot(context, ref, snapshot);
  return value.type === "container" ? applicationProperties(value.config) : {};
}

async function publish(
  context: Context,
  project: string,
  { ref, wish, application, argv, task, read, type }: Publishing,
) {
  const { describeTree } = await import("../instances/tree.ts");
  const { imageWriter } = await import("../../images/fingerprint.ts");
  const { compressed } = await import("../../images/compressors.ts");
  const { metadata, templates } = await describe(context, ref, { describeTree, wish, application });
  const { formatMetadata } = await import("../../images/metadata.ts");
  const { writeTarHead } = await import("../../images/tar.ts");
  await using stage = await openStage(context, "publish");
  const mtime = context.now();
  const bytes = (text: string) => new TextEncoder().encode(text);
  const head = writeTarHead([
    { name: "metadata.yaml", content: bytes(await formatMetadata(metadata)), mtime },
    ...templates.map(({ name, text }) => ({ name: `templates/${name}`, content: bytes(text), mtime })),
  ]);
  const path = `${stage.path}/metadata`;
  const writer = await imageWriter();
  const report = reporter(task);
  const content = counted(read(), { head, task, say: report.say });
  const size = await writer.write(path, compressed(argv, content, task.signal));
  await report.done();
  const fresh = newRecord(context, {
    project,
    fingerprint: writer.fingerprint(),
    size,
    type,
    metadata,
  });
  const record = {
    ...fresh,
    filename: wish.filename ?? "",
    public: wish.public ?? false,
    auto_update: false,
    profiles: wish.profiles ?? fresh.profiles,
  };
  await adoptImage(context, { metadata: path }, { record, aliases: wish.aliases ?? [] });
  await announce(task, record);
}

/** metadata.yaml of the image: what the instance's own image said, with what the caller says instead. */
async function describe(
  context: Context,
  ref: Ref,
  { describeTree, wish, application }: {
    describeTree: typeof import("../instances/tree.ts").describeTree;
  } & Pick<Publishing, "wish" | "application">,
) {
  const { parseMetadata, formatMetadata } = await import("../../images/metadata.ts");
  const { metadata: old, templates } = await describeTree(context, ref);
  const expiry = Date.parse(wish.expires_at ?? "");
  const now = Math.floor(context.now().getTime() / 1000);
  const properties = wish.properties ?? {};
  const metadata = {
    architecture: old?.architecture ?? Deno.build.arch,
    creation_date: now,
    expiry_date: Number.isNaN(expiry) ? 0 : Math.max(0, Math.floor(expiry / 1000)),
    // what the caller says of the application goes first
    properties: {
      ...application,
      ...Object.keys(properties).length > 0 ? properties : old?.properties ?? {},
    },
    templates: old?.templates ?? {},
  };
  // through the reader of images, so that nothing is published that could not be imported
  const text = await formatMetadata(metadata as Parameters<typeof formatMetadata>[0]);
  return { metadata: await parseMetadata(text), templates };
}

/** The head, then the tree, with LXD's line about how far it is. */
async function* counted(
  content: AsyncIterable<Uint8Array>,
  { head, task, say }: { head: Uint8Array; task: Task; say(text: string): void },
): AsyncGenerator<Uint8Array> {
  yield head;
  let bytes = 0;
  let shown = 0;
  for await (const chunk of content) {
    task.signal.throwIfAborted();
    bytes += chunk.length;
    yield chunk;
    if (bytes - shown < 8_000_000) continue;
    shown = bytes;
    say(`Image pack: ${(bytes / 1e6).toFixed(2)}MB`);
  }
}
