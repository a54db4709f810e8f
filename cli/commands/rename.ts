// drey rename and drey move: another name, project or storage pool on the same server; of a snapshot, another name.
// Moves to another server are in copy_between.ts.

import { DreyError } from "../../errors.ts";
import { resolveName, resolveOnServer } from "../resolve.ts";
import type { Shell } from "../shell.ts";
import { splitSnapshot } from "./snapshot.ts";

export async function rename(shell: Shell): Promise<void> {
  const [from = "", given = ""] = shell.typed.args;
  const { remote, name } = resolveName(from, "instance");
  const elsewhere = given.includes(":") ? resolveOnServer(given) : undefined;
  if (elsewhere !== undefined && elsewhere.remote !== remote) {
    if (shell.typed.command.path !== "move") {
      throw new DreyError("BAD_REQUEST", {
        message: "A new name is one on the same server",
        hint: `To another server it goes by: drey move ${from} ${given}`,
      });
    }
    const { moveBetween } = await import("./copy_between.ts");
    const mode = shell.typed.text("mode");
    return await moveBetween(shell, { from: { remote, name }, to: elsewhere, mode });
  }
  const { pool, project, isAlone } = place(shell);
  // moved elsewhere it may keep its name
  const to = given === "" && (pool ?? project) !== undefined ? name : given;
  const target = resolveOnServer(to);
  if (to === "") throw new DreyError("BAD_REQUEST", { message: `Missing the new name of "${from}"` });
  const client = await shell.connect(remote);
  const { name: instance, snapshot } = splitSnapshot(name);
  if (snapshot !== undefined) {
    const body = { name: snapshotName(instance, target.name) };
    const started = await client.start("snapshot.rename", { params: { name: instance, snapshot }, body });
    return void await shell.wait(started, name);
  }
  const body = {
    name: target.name || name,
    ...(pool === undefined ? {} : { pool }),
    ...(project === undefined ? {} : { project }),
    ...(pool ?? project) === undefined ? {} : { migration: true },
    ...isAlone ? { instance_only: true } : {},
  };
  await shell.wait(await client.start("instance.rename", { params: { name }, body }), name);
}

/** `c1/s1`, or `s1` alone. */
function snapshotName(instance: string, target: string): string {
  const { name, snapshot } = splitSnapshot(target);
  if (snapshot === undefined) return name;
  if (name === instance) return snapshot;
  throw new DreyError("BAD_REQUEST", { message: "A snapshot cannot be moved to another instance" });
}

/** Flags that only `move` has. */
function place({ typed }: Shell): { pool?: string; project?: string; isAlone?: boolean } {
  if (typed.command.path !== "move") return {};
  const [pool, project] = [typed.text("storage"), typed.text("target-project")];
  const isAlone = typed.has("instance-only");
  if (!isAlone || pool !== undefined || project !== undefined) return { pool, project, isAlone };
  throw new DreyError("BAD_REQUEST", {
    message: "--instance-only is for moves to another storage pool or project: a new name loses no snapshots",
  });
}
