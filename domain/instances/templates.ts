// Files that an image wants to have made for each instance, filled in with what the instance is: when it starts, and
// once after it was created, copied or renamed.

import type { ContainerPlan } from "../../runtime/container_plan.ts";
import type { Config, Devices } from "../../wire/instance.ts";
import type { Context, Ref } from "../context.ts";
import { templateSource } from "./metadata.ts";
import type { InstanceRecord } from "./record.ts";

/** Setting that says what has happened to an instance since its last start: `create`, `copy` or `rename`. */
export const templateTrigger = "volatile.apply_template";

export interface TemplateFacts {
  record: InstanceRecord;
  /** expanded */
  config: Config;
  devices: Devices;
}

/**
 * The files to write at the start of an instance. Costs two looks for a directory where an image has no templates.
 *
 * @throws {DreyError} `IMAGE_INVALID` for a template that cannot be filled in
 */
export async function planTemplates(
  context: Context,
  ref: Ref,
  facts: TemplateFacts,
): Promise<NonNullable<ContainerPlan["fills"]>> {
  const source = await templateSource(context, ref);
  if (source === undefined) return [];
  const { templates } = await source.metadata();
  const { renderTemplate } = await import("../../images/templates.ts");
  const triggers = ["start", facts.record.config[templateTrigger] ?? ""];
  return Object.entries(templates).flatMap(([path, { when, template, create_only, properties }]) => {
    const trigger = triggers.findLast((name) => (when as string[]).includes(name));
    const text = source.read(template);
    if (trigger === undefined || text === undefined) return [];
    const values = valuesOf(ref, facts, { path, trigger, properties });
    return [{
      path,
      text: renderTemplate(text, { values, config: facts.config }),
      fresh: create_only,
    }];
  });
}

/** What LXD shows to templates. */
function valuesOf(
  { name, project }: Ref,
  { record, config, devices }: TemplateFacts,
  { path, trigger, properties }: { path: string; trigger: string; properties: Record<string, string> },
) {
  const instance = {
    name,
    project,
    type: record.type,
    architecture: record.architecture,
    privileged: "false",
    ephemeral: String(record.ephemeral),
  };
  return { trigger, path, instance, container: instance, config, devices, properties };
}
