// Which networks are up: a file beside the hub, which every command may have to look at.

import { join } from "@std/path";
import { readJsonIfThere } from "../../sys/present.ts";
import type { Context } from "../context.ts";
import { hubDirectory } from "./nic_files.ts";

/** What is up; gone while somebody decides whether the hub is still needed. */
export interface UpFile {
  /** the user namespace the hub belongs to; empty for root */
  owner: string;
  networks: string[];
  /** subnet of the way out, if there is one */
  uplink: string | undefined;
}

/** The file that says what is up. */
export const upFile = (context: Context) => join(hubDirectory(context), "up.json");

/** What is up, unless nothing is. */
export const readUp = (context: Context): UpFile | undefined => readJsonIfThere<UpFile>(upFile(context));

/** Notes what is up. */
export function writeUp(context: Context, up: UpFile): void {
  Deno.writeTextFileSync(`${upFile(context)}.new`, JSON.stringify(up));
  Deno.renameSync(`${upFile(context)}.new`, upFile(context));
}
