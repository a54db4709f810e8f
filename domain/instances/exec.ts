// Running a command in an instance, as a websocket operation with LXD's streams: "0" input (or the terminal), "1"
// output, "2" errors, "control" for window sizes and signals. An empty text frame ends a stream.

import { join } from "@std/path";
import { environment } from "../../config/environment_key.ts";
import { readPattern } from "../../config/key.ts";
import { DreyError } from "../../errors.ts";
import { isSingle } from "../../idmap/map.ts";
import { readLayout } from "../../idmap/ranges.ts";
import {
  attach,
  type AttachRequest,
  attachSilent,
  attachTerminal,
  type Guest,
  hastenAttach,
  runEarly,
} from "../../runtime/attach.ts";
import type { Write } from "../../store/store.ts";
import { closeFd, O_DIRECTORY, O_PATH, openBelow } from "../../sys/descriptors.ts";
import { SysError } from "../../sys/libc.ts";
import type { Config, InstanceExecPost } from "../../wire/instance.ts";
import type { Operation } from "../../wire/operation.ts";
import type { Context, Ref } from "../context.ts";
import { lifecycleWrite } from "../events.ts";
import { startOperation, type Task } from "../operations.ts";
import { createStreams, runOnTerminal, runPiped, runRecorded } from "./exec_streams.ts";
import { expand } from "./expand.ts";
import { rlimitsOf } from "./kernel_settings.ts";
import { instanceAddress, instancePaths, loadRecord } from "./record.ts";
import { findWayIn } from "./way_in.ts";

const defaultEnvironment = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  LANG: "C.UTF-8",
};

/**
 * Starts a command and answers with its operation; its streams follow as sockets if `wait-for-websocket` is set.
 *
 * @throws {DreyError} `NOT_FOUND`; `INSTANCE_STATE` if it is not running; `BAD_REQUEST` for an empty command
 */
export async function execInstance(context: Context, ref: Ref, post: InstanceExecPost): Promise<Operation> {
  const request = await prepare(context, ref, post);
  const resources = { instances: [instanceAddress(ref.name)] };
  const common = { project: ref.project, description: "Executing command", resources };
  const metadata = {
    command: post.command,
    environment: request.env,
    interactive: post.interactive ?? false,
  };
  if (!post["wait-for-websocket"]) {
    const { mustHaveRun } = await import("./exec_outcome.ts");
    const run = async (task: Task) =>
      await mustHaveRun(task, await recordOutput(context, ref, { post, request, task }));
    return await startOperation(context, { ...common, metadata, run });
  }
  // a client in this process connects its streams for certain, and takes its command along when it goes
  const isHere = context.requestor?.protocol === "in-process";
  if (isHere && !post.interactive) runEarly(request);
  const streams = createStreams(streamNames(post), { isHere });
  return await startOperation(context, {
    ...common,
    class: "websocket",
    metadata: { ...metadata, fds: streams.secrets },
    connect: streams.connect,
    isKeptLater: isHere,
    async run(task) {
      await streams.ready();
      const size = { columns: post.width || 80, rows: post.height || 24 };
      const ended = post.interactive
        ? runOnTerminal(attachTerminal(request, { size, parent: await parentOf(context) }), streams)
        : runPiped(attach(request), streams);
      // told while the command starts, which takes longer
      const [code] = await Promise.all([ended, task.tell([execWrite(context, ref, post)])]);
      return { return: code };
    },
  });
}

function execWrite(context: Context, { project, name }: Ref, { command }: InstanceExecPost): Write {
  const source = instanceAddress(name);
  return lifecycleWrite(context, { project, action: "instance-exec", source, context: { command } });
}

/** The map of the namespace that containers stand in: who a terminal is given to is counted in it. */
const parentOf = async ({ user }: Context) => (await readLayout(user)).parent;

const streamNames = (post: InstanceExecPost) =>
  post.interactive ? ["0", "control"] : ["0", "1", "2", "control"];

async function prepare(context: Context, ref: Ref, post: InstanceExecPost): Promise<AttachRequest> {
  const { value: record } = await loadRecord(context, ref);
  if (post.command.length === 0 || post.command[0] === "") {
    throw new DreyError("BAD_REQUEST", { message: "Cannot run an empty command" });
  }
  const { place, running, isInside } = await findWayIn(context, ref);
  if (record.type === "container") hastenAttach(place);
  const { init, map } = place;
  const { config } = await expand(context, ref.project, record);
  if (running?.cgroupHome !== undefined && !isInside) await refuseUnlimited(config);
  const user = post.user ?? 0;
  const group = post.group ?? 0;
  if (isSingle(map) && (user !== 0 || group !== 0)) {
    throw new DreyError("SUBID_MISSING", {
      message:
        `Cannot run a command as user ${user} and group ${group}: the container has one user only, root`,
      hint: `Ask an administrator for subordinate ids; drey doctor says how`,
    });
  }
  const account: Record<string, string> = user === 0 ? { HOME: "/root", USER: "root" } : { HOME: "/" };
  return {
    ...place,
    argv: post.command,
    rlimits: rlimitsOf(config),
    env: { ...defaultEnvironment, ...account, ...readPattern(config, environment), ...post.environment },
    ...record.type === "container"
      ? { cwd: post.cwd || defaultDirectory(init, user) }
      : await guestOf(instancePaths(context, ref).door, post),
    user,
    group,
    filter: running?.filter,
  };
}

/** How a command begins in a guest, which is not to be looked into from here. */
async function guestOf(
  door: string,
  { cwd, user = 0 }: InstanceExecPost,
): Promise<Pick<AttachRequest, "cwd" | "cwdMayLack" | "guest">> {
  const { inGuest } = await import("../../runtime/vm/door.pl.ts");
  const guest: Guest = (argv, options) => inGuest(door, argv, options);
  return cwd ? { cwd, guest } : { cwd: user === 0 ? "/root" : "/", cwdMayLack: true, guest };
}

/** A command started outside the delegated tree stays outside, where no limit reaches it: only if there is none. */
async function refuseUnlimited(config: Config): Promise<void> {
  const { readHostSize } = await import("./host_size.ts");
  const { planLimits } = await import("./limits.ts");
  const first = planLimits(config, readHostSize([]))[0];
  if (first === undefined) return;
  throw new DreyError("CGROUP_MISSING", {
    message:
      `Cannot run a command under ${first.key}: this shell is not in the cgroup that was delegated to the user`,
    hint: "Run drey from where the instance was started",
  });
}

/** What is looked at is inside, also where links lead. */
function defaultDirectory(init: number, user: number): string {
  if (user !== 0) return "/";
  try {
    closeFd(openBelow(`/proc/${init}/root`, "root", O_PATH | O_DIRECTORY));
    return "/root";
  } catch (error) {
    const isNone = error instanceof SysError &&
      ["ENOENT", "ENOTDIR", "ELOOP", "EACCES"].includes(error.errno);
    if (isNone) return "/";
    throw error;
  }
}

/** Without sockets: output goes to files that the logs API serves, if it is asked for, or else nowhere. */
async function recordOutput(
  context: Context,
  ref: Ref,
  run: { post: InstanceExecPost; request: AttachRequest; task: Task },
): Promise<Record<string, unknown>> {
  const { post, request, task } = run;
  await task.tell([execWrite(context, ref, post)]);
  if (!post["record-output"]) {
    return { return: await attachSilent(request) };
  }
  const directory = join(instancePaths(context, ref).logs, "exec-output");
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  const [stdout, stderr] = [`exec_${task.id}.stdout`, `exec_${task.id}.stderr`];
  const { code, isCut } = await runRecorded(attach(request), {
    stdout: join(directory, stdout),
    stderr: join(directory, stderr),
  });
  const address = (name: string) => `${instanceAddress(ref.name)}/logs/exec-output/${name}`;
  return {
    return: code,
    output: { "1": address(stdout), "2": address(stderr) },
    ...isCut && { warnings: ["Of its output only the beginning was kept"] },
  };
}
