// The files of a stopped instance as a tar stream: read by the host's tar with the ids of the container, from a mount
// that nobody else sees.

import { DreyError } from "../errors.ts";
import { sealDescriptors } from "../sys/libc.ts";
import { fullPath, spawn } from "../sys/run.ts";
import type { ContainerPlan } from "./container_plan.ts";
import { readerSteps } from "./namespaces.ts";
import { formatSteps } from "./steps.ts";
import { walkerFor } from "./walker.pl.ts";

export interface TreeStream {
  content: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** resolves once all was read; rejects if it was not */
  done: Promise<void>;
}

/** argv of the tar that writes the current directory, its names below `prefix`. */
function tarArgv(prefix: string): string[] {
  return [
    ...["/usr/bin/tar", "-c", "-f", "-", "--format=posix", "--numeric-owner", "--sort=name"],
    ...["--xattrs", "--xattrs-include=*", "--acls", "--pax-option=delete=atime,delete=ctime"],
    // names and hard links are renamed, targets of symbolic links stay
    ...[`--transform=flags=rhS;s,^\\.,${prefix},`, "--warning=no-file-ignored", "."],
  ];
}

/** Begins to read the tree of a plan's root; `prefix` is the name its top gets, such as `rootfs`. */
export function readTree(plan: ContainerPlan, prefix: string): TreeStream {
  sealDescriptors();
  const steps = readerSteps(plan, tarArgv(prefix));
  const child = spawn(["/usr/bin/perl", "-e", walkerFor(steps), formatSteps(steps)], {
    env: { PATH: fullPath(), LC_ALL: "C.UTF-8" },
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const said = new Response(child.stderr).text();
  const done = child.status.then(async ({ code }) => {
    if (code === 0) return;
    const line = (await said).trim().split("\n")[0] ?? "";
    throw new DreyError("COMMAND_FAILED", { message: `Cannot read the instance's files: ${line}` });
  });
  done.catch(() => {}); // told to whoever awaits it
  return { content: child.stdout, done };
}
