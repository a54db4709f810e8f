// drey file push -r and pull -r where the API is in this process: what reads and what writes are two programs with one
// pipe between them, so that no byte of the files passes through here.

import { DreyError } from "../../errors.ts";
import { closeFd, openPipe, withStdin } from "../../sys/descriptors.ts";
import { spawn } from "../../sys/run.ts";
import { receiver, sender } from "./file_pipe.pl.ts";
import type { GivenOwner, TreePlace } from "./file_tree.ts";

/** splice(2) */
const splice = Deno.build.arch === "x86_64" ? 275 : 76;

/** Sends a directory of this side, into one that is made if need be. */
export async function pushByPipe(place: TreePlace, source: string, given: GivenOwner): Promise<void> {
  const pipe = openPipe();
  const words = [splice, given.uid ?? "", given.gid ?? "", given.mode ?? "", source].map(String);
  const sent = startEnd(pipe.writeFd, ["-e", sender, ...words]);
  closeFd(pipe.writeFd);
  const stored = place.client.call("instance.tree.put", {
    params: { name: place.name },
    query: { path: place.path, pipe: pipe.readFd },
  });
  await bothEnds(sent, stored, pipe.readFd);
}

/** Fetches a directory of an instance. */
export async function pullByPipe(place: TreePlace, target: string): Promise<void> {
  const pipe = openPipe();
  const stored = startEnd(pipe.readFd, ["-e", receiver, target]);
  closeFd(pipe.readFd);
  const sent = place.client.raw("instance.tree.get", {
    params: { name: place.name },
    query: { path: place.path, pipe: pipe.writeFd },
  }).then((response) => response.arrayBuffer());
  await bothEnds(stored, sent, pipe.writeFd);
}

/** A program of ours at one end of a pipe, its standard input; resolved with its status and what it said. */
async function startEnd(end: number, argv: readonly string[]): Promise<{ code: number; said: string }> {
  const start = () =>
    spawn(["/usr/bin/perl", ...argv], { stdin: "inherit", stdout: "null", stderr: "piped" });
  const { code, stderr } = await withStdin(end, start).output();
  return { code, said: new TextDecoder().decode(stderr).trim() };
}

/** Waits for both, and throws what went wrong first: the other end only noticed that nobody was there any more. */
async function bothEnds(
  ours: Promise<{ code: number; said: string }>,
  theirs: Promise<unknown>,
  end: number,
): Promise<void> {
  const [answered, ended] = await Promise.allSettled([theirs.finally(() => closeFd(end)), ours]);
  if (ended.status === "rejected") throw ended.reason;
  const { code, said } = ended.value;
  if (code === 1) throw new DreyError("BAD_REQUEST", { message: said });
  if (answered.status === "rejected") throw answered.reason;
  if (code !== 0) throw new DreyError("SERVER_FAILED", { message: "The stream of files broke off" });
}
