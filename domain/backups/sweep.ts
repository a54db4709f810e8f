// Backups whose time is over, and what killed processes left of files that were coming in or being made. Part of every
// command, so it only looks unless there is something.

import { findAbandoned } from "../../sys/partial.ts";
import { namesIn, removeIfThere } from "../../sys/present.ts";
import { join } from "@std/path";
import type { Context } from "../context.ts";
import { abandonedFiles } from "./receive.ts";
import { type BackupRecord, backupsRoot, instanceSubject, isOver, volumeSubject } from "./record.ts";

/** Deletes what is due, and the files that nobody goes on with. */
export async function sweepBackups(context: Context): Promise<void> {
  for (const path of abandonedFiles(context)) removeIfThere(path);
  const root = backupsRoot(context);
  if (namesIn(root).length === 0) return;
  const instances = namesIn(join(root, "instances")).map((name) => join(root, "instances", name));
  const custom = join(root, "custom");
  const volumes = namesIn(custom).flatMap((pool) =>
    namesIn(join(custom, pool)).map((name) => join(custom, pool, name))
  );
  for (const directory of [...instances, ...volumes]) {
    for (const path of findAbandoned(directory)) removeIfThere(path);
  }
  await removeExpired(context);
}

async function removeExpired(context: Context): Promise<void> {
  const now = context.now().toISOString();
  for (const prefix of ["instance_backups", "volume_backups"]) {
    for (const { key, value } of await context.store.list<BackupRecord>([prefix])) {
      if (!isOver(value, now)) continue;
      const [, project = "", ...rest] = key;
      const backup = rest.pop() ?? "";
      const [first = "", second = ""] = rest;
      const subject = prefix === "instance_backups"
        ? instanceSubject({ project, name: first })
        : volumeSubject({ project, pool: first, name: second });
      const { removeIfOver } = await import("./change.ts");
      await removeIfOver(context, subject, { name: backup, now });
    }
  }
}
