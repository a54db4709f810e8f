// Building an image from a definition.

import { DreyError } from "../../errors.ts";
import { defaultMap } from "../../idmap/ranges.ts";
import type { ImageBuildPost } from "../../wire/image.ts";
import type { Operation } from "../../wire/operation.ts";
import type { Context } from "../context.ts";
import { startOperation } from "../operations.ts";
import { announce } from "./create.ts";
import { adoptImage, mustBeFree, openStage } from "./files.ts";
import { newRecord } from "./new_record.ts";
import { reporter } from "./progress.ts";

/**
 * Begins to build an image.
 *
 * @throws {DreyError} `BAD_REQUEST` for a definition that cannot be used
 */
export async function buildImage(
  context: Context,
  project: string,
  post: ImageBuildPost,
): Promise<Operation> {
  const { readDefinition } = await import("../../images/definition.ts");
  const { suite, variant, architecture = Deno.build.arch, adapt } = readDefinition(post.definition);
  if (architecture !== Deno.build.arch) {
    throw new DreyError("NOT_SUPPORTED", {
      message: `Cannot build an image for ${architecture}: this host is ${Deno.build.arch}`,
    });
  }
  const aliases = (post.aliases ?? []).map(({ name, description = "" }) => ({ name, description }));
  await mustBeFree(context, project, aliases);
  return await startOperation(context, {
    project,
    description: "Building image",
    mayCancel: true,
    async run(task) {
      await using stage = await openStage(context, "build");
      const { buildDebian } = await import("../../images/debian_build.ts");
      const { followProxies } = await import("./outgoing.ts");
      await followProxies(context);
      const report = reporter(task);
      const built = await buildDebian(suite, {
        architecture,
        variant,
        adapt,
        map: await defaultMap(context.user),
        user: context.user.name,
        directory: stage.path,
        now: context.now(),
        progress: report.say,
        signal: task.signal,
      });
      await report.done();
      const record = {
        ...newRecord(context, { project, ...built, type: "container" }),
        filename: `${suite.distribution}-${suite.codename}.tar`,
        public: post.public ?? false,
      };
      const files = { metadata: `${stage.path}/metadata`, rootfs: `${stage.path}/rootfs` };
      await adoptImage(context, files, { record, aliases });
      await announce(task, record);
    },
  });
}
