// The short way to trees of files in a running virtual machine whose root is shared: the host reads and writes them
// itself, on the very mount that virtiofsd serves to the guest, as root of the machine's ids.
//
// The guest says first that it sees that root there, and nothing of its own on top. What is written must be new: the
// guest remembers for a second what it knows of files that exist, and never that there is none.

import { type FileRequest, parsePlace, type Place, serveFile } from "../../runtime/file_access.ts";
import { guestRoot } from "../../runtime/vm/box.ts";
import { rootTag } from "../../runtime/vm/first.pl.ts";
import type { Context, Ref } from "../context.ts";
import { runningMachine } from "../machines/plan.ts";
import { type FileWay, joinSteps, onWay } from "./file_way.ts";
import { instancePaths } from "./record.ts";

/** Undefined if there is none to that path: a disk is the guest's alone, and so are its own mounts. */
export async function sharedWay(
  context: Context,
  ref: Ref,
  { request, way, door }: { request: FileRequest; way: FileWay; door: string },
): Promise<FileWay | undefined> {
  const machine = runningMachine(instancePaths(context, ref).run)?.machine;
  if (!machine?.shares.some(({ tag }) => tag === rootTag)) return undefined;
  const { path } = request;
  const seen = await placeOn(way, { do: "place", path, in: "guest" }, door);
  if (seen?.kind !== (request.do === "put-tree" ? "new" : "directory")) return undefined;
  const inside = joinSteps(context, ref);
  if (inside === undefined) return undefined;
  const { door: _, ...rest } = way;
  const short = { ...rest, ...inside, steps: [...inside.steps, { do: "chroot", path: guestRoot } as const] };
  const own = await placeOn(short, { do: "place", path, in: "box" });
  return own?.kind === seen.kind && own.inode === seen.inode ? short : undefined;
}

async function placeOn(way: FileWay, request: FileRequest, door?: string): Promise<Place | undefined> {
  const serving = { steps: way.steps, ...(door === undefined ? {} : { door }) };
  const { content } = await onWay(way, () => serveFile(request, serving));
  return parsePlace(await new Response(content).text());
}
