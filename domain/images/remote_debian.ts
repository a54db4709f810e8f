// The `debian` protocol: images nobody serves, built here when they are first asked for and kept as cached images.

import { DreyError } from "../../errors.ts";
import { defaultMap } from "../../idmap/ranges.ts";
import { parseAlias, suiteAlias } from "../../images/debian_suites.ts";
import { kernelArchitecture } from "../../images/metadata.ts";
import type { Image } from "../../wire/image.ts";
import type { Context } from "../context.ts";
import { installMissing } from "../host_packages.ts";
import type { Task } from "../operations.ts";
import { adoptImage, openStage } from "./files.ts";
import { newRecord } from "./new_record.ts";
import { reporter } from "./progress.ts";
import { type AliasRecord, imageKey, type ImageRecord, sourceKey, withAliases } from "./records.ts";

/**
 * The image of a release, built now if no project has one yet. Whoever asks for the same one meanwhile waits for it.
 *
 * @throws {DreyError} `NOT_FOUND` for an unknown release, and what a build throws
 */
export async function debianImage(
  context: Context,
  project: string,
  { alias, server, task }: { alias: string; server: string; task: Task | undefined },
): Promise<Image> {
  const host = Deno.build.arch;
  const { suite, variant, architecture = host } = parseAlias(alias, kernelArchitecture);
  if (architecture !== host) {
    throw new DreyError("NOT_SUPPORTED", {
      message:
        `Cannot build image "${alias}": this host is ${host}, and foreign architectures are not built yet`,
    });
  }
  const name = [suiteAlias(suite), ...(variant === "default" ? [] : [variant]), architecture].join("/");
  const cached = await findCached(context, project, name);
  if (cached !== undefined) return cached;
  const options = task === undefined ? {} : { signal: task.signal };
  await using _lock = await context.store.lock(["image_builds", encodeURIComponent(name)], options);
  const meanwhile = await findCached(context, project, name) ?? await findElsewhere(context, project, name);
  if (meanwhile !== undefined) return meanwhile;

  // root on a bare machine gets what is missing; anybody else learns from the build what to ask for
  if (context.user.uid === 0) await installMissing(["mmdebstrap", "zstd"]);
  await using stage = await openStage(context, "build");
  const { buildDebian } = await import("../../images/debian_build.ts");
  const report = reporter(task);
  const built = await buildDebian(suite, {
    architecture,
    variant,
    map: await defaultMap(context.user),
    user: context.user.name,
    directory: stage.path,
    now: context.now(),
    progress: report.say,
    ...options,
  });
  await report.done();
  const record: ImageRecord = {
    ...newRecord(context, { project, ...built, type: "container" }),
    filename: `${suite.distribution}-${suite.codename}-${variant}-${architecture}.tar`,
    cached: true,
    update_source: { alias, certificate: "", protocol: "debian", server, image_type: "container" },
  };
  const source = { key: sourceKey(project, "debian", name), value: { fingerprint: built.fingerprint } };
  const files = { metadata: `${stage.path}/metadata`, rootfs: `${stage.path}/rootfs` };
  await adoptImage(context, files, { record, more: [source] });
  return { ...record, aliases: [] };
}

async function findCached(context: Context, project: string, name: string): Promise<Image | undefined> {
  const source = await context.store.get<{ fingerprint: string }>(sourceKey(project, "debian", name));
  if (source === undefined) return undefined;
  const entry = await context.store.get<ImageRecord>(imageKey(project, source.value.fingerprint));
  if (entry === undefined) return undefined;
  return withAliases(entry.value, await context.store.list<AliasRecord>(["image_aliases", project]));
}

/** The image that was built for another project, which becomes one of this project's as well. */
async function findElsewhere(context: Context, project: string, name: string): Promise<Image | undefined> {
  const key = sourceKey(project, "debian", name);
  const built = (await context.store.list<{ fingerprint: string }>(["image_sources"]))
    .filter(({ key: [, , ...rest] }) => rest.join("/") === key.slice(2).join("/"));
  if (built.length === 0) return undefined;
  const { shareImage } = await import("./kept.ts");
  for (const { value } of built) {
    const image = await shareImage(context, project, value.fingerprint);
    if (image === undefined) continue;
    await context.store.commit([], [{ key, value }]);
    return image;
  }
  return undefined;
}
