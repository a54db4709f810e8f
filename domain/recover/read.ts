// Reading backup.yaml beside the files of a volume.

import { join } from "@std/path";
import { DreyError } from "../../errors.ts";
import { readIfThere } from "../../sys/present.ts";
import { type BackupConfig, parseConfig } from "../backups/index_file.ts";
import { backupFileName } from "./write.ts";

/** What lies beside the files of a volume; undefined if nothing does, or nothing that can be read. */
export async function readBackupFile(directory: string): Promise<BackupConfig | undefined> {
  const text = readIfThere(join(directory, backupFileName));
  if (text === undefined) return undefined;
  try {
    return await parseConfig(text);
  } catch (error) {
    if (error instanceof DreyError && error.code === "IMAGE_INVALID") return undefined;
    throw error;
  }
}
