// images.* as a project has them, else as the server does.

import { readKey, type Values } from "../../config/key.ts";
import type { ServerKey } from "../../config/server_keys.ts";
import type { Context } from "../context.ts";
import { projectKey, type ProjectRecord } from "../projects/effective.ts";
import { serverSetting } from "../server_config.ts";

/** The value of a key for the images of a project. */
export async function imageSetting<T>(
  context: Context,
  project: string,
  row: ServerKey<T>,
): Promise<T | undefined> {
  const own: Values = (await context.store.get<ProjectRecord>(projectKey(project)))?.value.config ?? {};
  return own[row.name] ? readKey(own, row) : await serverSetting(context, row);
}
