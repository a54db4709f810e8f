// A network namespace with services, kept by one small process: starting it, running commands in it, ending it. For
// root the namespace is the host's own. What is set up in it is the caller's.

import { join } from "@std/path";
import { DreyError } from "../errors.ts";
import { closeFd, makePipe, withStdin } from "../sys/descriptors.ts";
import { isLocked, tryLockFile } from "../sys/locks.ts";
import { startTime } from "../sys/lifetimes.ts";
import { openPidfd, sendSignal, signals, waitPidfd } from "../sys/processes.ts";
import { exists, namesIn, readIfThere, removeIfThere } from "../sys/present.ts";
import { fullPath, run, type RunResult, spawn } from "../sys/run.ts";
import { writeInto } from "../sys/write_into.ts";
import { hubFiles, hubScript, serviceHead } from "./hub_script.ts";

/** A service of a hub: a program that the holder starts again when it ends. */
export interface Service {
  /** letters, digits, dots and hyphens */
  name: string;
  argv: readonly string[];
  /** whether it runs in the namespace, or on the host's side; `$keeper` in a word stands for the pid of a way in */
  isInside: boolean;
  /** whether it finishes what it does when it is told to end: one that is replaced is killed without, at once */
  hasEnd?: boolean;
}

export interface HubRequest {
  directory: string;
  /** argv around a program that takes it to a new namespace; absent where the host's is the one */
  enter: ((argv: readonly string[]) => string[]) | undefined;
  /** lines of sh, each of which must succeed, run in the namespace before anything else */
  setup: string;
  services: readonly Service[];
  /** cgroup the holder and its services move to */
  cgroup: string | undefined;
}

/** `milliseconds` that a process has to end */
const patience = 2000;

/** Whether the hub of a directory is there. */
export function isHubAlive(directory: string): boolean {
  return isLocked(join(directory, hubFiles.lock));
}

/** Whether a hub is there with all that makes one: its holder, which has the services, and the keeper of its namespace. */
export function isHubSound(directory: string): boolean {
  if (!isHubAlive(directory) || exists(join(directory, hubFiles.replaced))) return false;
  return !exists(join(directory, hubFiles.keeper)) || pidIn(directory, hubFiles.keeper) !== undefined;
}

/** Host pid of a process in a hub's namespace; undefined where there is none, or the namespace is the host's. */
export function hubPid(directory: string): number | undefined {
  const keeper = pidIn(directory, hubFiles.keeper);
  return keeper ?? insidePid(directory);
}

/** A service that stands in the namespace, where its keeper is gone. */
function insidePid(directory: string): number | undefined {
  return serviceNames(directory).filter((name) => /nsenter/.test(scriptOf(directory, name))).map((name) =>
    servicePid(directory, name)
  ).find((pid) => pid !== undefined);
}

/**
 * Starts a hub; the caller has seen to it that none is there, and lets nobody else do so meanwhile.
 *
 * @throws {DreyError} `KERNEL_REFUSED` with what the set-up said
 */
export async function startHub(request: HubRequest): Promise<void> {
  const { directory, enter, setup } = request;
  await endHub(directory); // what one that was killed has left
  Deno.mkdirSync(join(directory, hubFiles.services), { recursive: true, mode: 0o700 });
  makePipe(join(directory, hubFiles.control));
  const inside = [
    "sh",
    "-ec",
    `${setup}\necho ready\nexec >/dev/null${enter ? "\nexec sleep infinity" : ""}`,
  ];
  await startHolder(request, `exec ${(enter?.(inside) ?? inside).map(quote).join(" ")}\n`);
  for (const service of request.services) await startService(directory, service);
}

/**
 * Gives a hub whose holder or keeper was killed new ones, as long as any process is left in the namespace: nobody who
 * is plugged into it notices.
 *
 * @returns false if nothing is left to save
 */
export async function reviveHub(directory: string, cgroup: string | undefined): Promise<boolean> {
  const isHost = readIfThere(join(directory, hubFiles.keeper)) === undefined;
  const pid = isHost ? undefined : hubPid(directory);
  const isWhole = [hubFiles.control, hubFiles.services].every((file) => exists(join(directory, file)));
  if (!isWhole || (!isHost && pid === undefined)) return false;
  const old = groupMembers(directory);
  const groups = groupsOf(old);
  const way = pid === undefined ? "" : `exec ${enterNamespace(String(pid)).map(quote).join(" ")} sh -c '`;
  const keep = `${way}echo ready; exec >/dev/null${isHost ? "" : "; exec sleep infinity'"}\n`;
  noteReplaced(directory);
  removeIfThere(join(directory, hubFiles.lock)); // held by the old holder, if that is not what was killed
  await startHolder({ directory, enter: isHost ? undefined : () => [], cgroup }, keep);
  for (const group of groups) sendSignal(-group, signals.KILL);
  // a holder that is dying would still take from the pipe what the next one is told
  await Promise.all(old.map(ended));
  for (const name of serviceNames(directory)) await tell(directory, name);
  removeIfThere(join(directory, hubFiles.replaced));
  return true;
}

const enterNamespace = (pid: string) => ["nsenter", "-t", pid, "-U", "-n", "--preserve-credentials", "--"];

async function startHolder(
  { directory, enter, cgroup }: Pick<HubRequest, "directory" | "enter" | "cgroup">,
  keep: string,
): Promise<void> {
  Deno.writeTextFileSync(join(directory, hubFiles.keep), keep);
  const lock = tryLockFile(join(directory, hubFiles.lock));
  if (lock === undefined) throw new DreyError("CONFLICT", { message: "The network hub is being started" });
  try {
    const script = join(directory, hubFiles.script);
    Deno.writeTextFileSync(script, hubScript);
    const argv = ["setsid", "sh", script, directory, cgroup ?? "", enter ? "1" : ""];
    const child = withStdin(lock, () =>
      spawn(argv, {
        stdin: "inherit",
        stdout: "piped",
        stderr: "null",
        env: { PATH: fullPath() },
        clearEnv: true,
      }));
    child.unref();
    const reader = child.stdout.getReader();
    const { value } = await reader.read();
    await reader.cancel();
    if (new TextDecoder().decode(value) !== "ready\n") throw setupFailed(directory);
  } finally {
    closeFd(lock);
  }
}

function setupFailed(directory: string): DreyError {
  const said = (readIfThere(join(directory, hubFiles.log)) ?? "").trim().split("\n")[0] ?? "";
  return new DreyError("KERNEL_REFUSED", {
    message: `Cannot set up the network${said === "" ? "" : `: ${said}`}`,
    hint: "Run drey doctor to see what this host allows",
  });
}

const quote = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;

function serviceScript(directory: string, { argv, isInside }: Service): string {
  const words = argv.map((word) => word.split("$keeper").map(quote).join('"$keeper"'));
  const isNamespace = isInside && exists(join(directory, hubFiles.keeper));
  return `${serviceHead}exec ${isNamespace ? `${enterNamespace('"$keeper"').join(" ")} ` : ""}${
    words.join(" ")
  }\n`;
}

function writeService(directory: string, service: Service): void {
  Deno.writeTextFileSync(scriptPath(directory, service.name), serviceScript(directory, service));
}

/** Whether a hub has a service just like this one. */
export function isSameService(directory: string, service: Service): boolean {
  return scriptOf(directory, service.name) === serviceScript(directory, service);
}

const scriptPath = (directory: string, name: string) => join(directory, hubFiles.services, `${name}.sh`);
const scriptOf = (directory: string, name: string) => readIfThere(scriptPath(directory, name)) ?? "";

/** Adds a service to a hub that is there; one of the same name is replaced. */
export async function startService(directory: string, service: Service): Promise<void> {
  const isThere = exists(scriptPath(directory, service.name));
  writeService(directory, service);
  // a service that ends is started by what its script says then
  if (isThere) await endService(directory, service);
  else await tell(directory, service.name);
}

async function endService(directory: string, { name, hasEnd }: Service): Promise<void> {
  const pid = hasEnd ? servicePid(directory, name) : undefined;
  if (pid !== undefined) {
    sendSignal(pid, signals.TERM);
    if (await ended(pid)) return;
  }
  signalService(directory, name, signals.KILL);
}

/** Ends a service of a hub. */
export function stopService(directory: string, name: string): void {
  removeIfThere(scriptPath(directory, name));
  signalService(directory, name, signals.KILL);
}

/** Names of the services a hub has. */
export function serviceNames(directory: string): string[] {
  return namesIn(join(directory, hubFiles.services)).filter((name) => name.endsWith(".sh")).map((name) =>
    name.slice(0, -3)
  );
}

/** Host pid of a service, if it runs. */
function servicePid(directory: string, name: string): number | undefined {
  return pidIn(directory, `${hubFiles.services}/${name}.pid`);
}

/** A pid that a file names, if it still is that of a process of the hub. */
function pidIn(directory: string, file: string): number | undefined {
  const pid = Number(readIfThere(join(directory, file)));
  return pid > 0 && hubGroups(directory).includes(groupOf(pid)) ? pid : undefined;
}

/** All processes of a hub are of the group that its holder leads, or led, or of those that were to be replaced. */
const hubGroups = (directory: string): number[] => [holderGroup(directory), ...replacedGroups(directory)];

/** The group of the holder; -1 if another process leads it by now. */
function holderGroup(directory: string): number {
  const pid = Number(readIfThere(join(directory, hubFiles.holder))) || -1;
  const noted = readIfThere(join(directory, hubFiles.begun));
  if (noted !== undefined) return isNobodyElses(pid, Number(noted)) ? pid : -1;
  // older dreys did not note it; while the lock is held, the group is there and its number nobody else's
  return startTime(pid) === undefined || isHubAlive(directory) ? pid : -1;
}

/** Whether a process is the one that began then, or is gone: as long as its group is there, no other gets its number. */
function isNobodyElses(pid: number, begun: number): boolean {
  const now = startTime(pid);
  return now === undefined || now === begun;
}

/** Groups of former holders, whose processes nobody may have ended yet: who was to do so was killed. */
function replacedGroups(directory: string): number[] {
  const lines = (readIfThere(join(directory, hubFiles.replaced)) ?? "").trim().split("\n");
  return lines.map((line) => line.split(" ").map(Number) as [number, number]).filter(([group, begun]) =>
    group > 0 && isNobodyElses(group, begun)
  ).map(([group]) => group);
}

/** Notes the present holder's group, before that of the next one takes its place in the files. */
function noteReplaced(directory: string): void {
  const group = holderGroup(directory);
  if (group === -1) return;
  const begun = Number(readIfThere(join(directory, hubFiles.begun)) ?? startTime(group));
  const line = `${group} ${begun}\n`;
  Deno.writeTextFileSync(join(directory, hubFiles.replaced), line, { append: true });
}

function groupOf(pid: number): number {
  const stat = readIfThere(`/proc/${pid}/stat`) ?? "";
  const [state, , group] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // what has ended and was not waited for has no namespaces any more
  return state === "Z" ? NaN : Number(group);
}

/** The groups of processes; of one that has ended meanwhile none, since 0 would mean the caller's own to kill(2). */
const groupsOf = (pids: readonly number[]) => new Set(pids.map(groupOf).filter((group) => group > 1));

/** Every process of the hub that files name. */
function groupMembers(directory: string): number[] {
  const files = [
    hubFiles.holder,
    hubFiles.keeper,
    ...serviceNames(directory).map((name) => `services/${name}.pid`),
  ];
  return files.flatMap((file) => pidIn(directory, file) ?? []);
}

/** Sends a signal to a service, if it runs. */
export function signalService(directory: string, name: string, signal: number): void {
  const pid = servicePid(directory, name);
  if (pid !== undefined) sendSignal(pid, signal);
}

async function tell(directory: string, name: string): Promise<void> {
  await writeInto(join(directory, hubFiles.control), `${name}\n`);
}

/**
 * argv that runs in the namespace of a hub, with power over it.
 *
 * @throws {DreyError} `CONFLICT` if it is gone
 */
export function inHub(directory: string, argv: readonly string[]): string[] {
  if (!exists(join(directory, hubFiles.keeper))) return [...argv];
  const pid = hubPid(directory);
  if (pid !== undefined) return [...enterNamespace(String(pid)), ...argv];
  throw new DreyError("CONFLICT", { message: "The network hub is not running" });
}

/** Runs a script of sh in the namespace of a hub. */
export async function runInHub(directory: string, script: string): Promise<RunResult> {
  return await run(inHub(directory, ["sh", "-e"]), { stdin: script });
}

/**
 * Ends a hub with all its processes, also what is left of one that was killed, and removes its files.
 *
 * @throws {DreyError} `CONFLICT` if its holder is there and no file says who that is: beside it, a second one would start
 */
export async function endHub(directory: string): Promise<void> {
  const begun = performance.now();
  await endMembers(directory);
  // a holder whose starter was killed says a moment later who it is
  while (isHubAlive(directory)) {
    if (performance.now() - begun > patience) throw unnamedHolder(directory);
    await new Promise((resolve) => setTimeout(resolve, 10));
    await endMembers(directory);
  }
  // first, so that one who is killed here leaves nothing that could be revived
  removeIfThere(join(directory, hubFiles.control));
  try {
    Deno.removeSync(directory, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function endMembers(directory: string): Promise<void> {
  const members = groupMembers(directory);
  for (const group of groupsOf(members)) sendSignal(-group, signals.KILL);
  await Promise.all(members.map(ended));
}

function unnamedHolder(directory: string): DreyError {
  const lock = join(directory, hubFiles.lock);
  return new DreyError("CONFLICT", {
    message: `Cannot end the network hub: a process holds "${lock}", and no file says which`,
    hint: `End the process that holds it, which fuser -v ${lock} shows`,
  });
}

/** Whether a process ends in time. */
async function ended(pid: number): Promise<boolean> {
  const pidfd = openPidfd(pid);
  if (pidfd === undefined) return true;
  try {
    return await waitPidfd(pidfd, patience);
  } finally {
    closeFd(pidfd);
  }
}
