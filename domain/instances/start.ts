// Starting an instance: gathers the facts, makes the plan, hands it to the runtime. Whatever fails is undone.

import { join } from "@std/path";
import { DreyError } from "../../errors.ts";
import { formatMap } from "../../idmap/map.ts";
import { readLayout } from "../../idmap/ranges.ts";
import * as cgroups from "../../runtime/cgroups.ts";
import { claimRunDirectory, startContainer } from "../../runtime/supervisor.ts";
import { closeFd, joinEmptyKeyring, sealDescriptors } from "../../sys/libc.ts";
import type { Config } from "../../wire/instance.ts";
import type { Context, Ref } from "../context.ts";
import { lifecycleWrite } from "../events.ts";
import { ensureUnpacked } from "../images.ts";
import { cleanUp } from "./clean_up.ts";
import { expand } from "./expand.ts";
import { readHostSize } from "./host_size.ts";
import { chooseMap } from "./ids.ts";
import { chooseInit, findInit } from "./init.ts";
import { planLimits } from "./limits.ts";
import { openParent } from "./parent.ts";
import { directoryName, instanceAddress, instanceKey, instancePaths, loadRecord } from "./record.ts";
import { writeRunRecord } from "./run_record.ts";
import { deviceNodes, planStart } from "./start_plan.ts";
import { currentState } from "./status.ts";

/**
 * Starts an instance whose lock the caller holds.
 *
 * @returns what is less than it could be, for people
 * @throws {DreyError} `INSTANCE_STATE` if it runs already
 */
export async function startLocked(
  context: Context,
  ref: Ref,
  action = "instance-started",
): Promise<string[]> {
  const { value: record } = await loadRecord(context, ref);
  const state = currentState(context, ref);
  if (state.status !== "Stopped") {
    throw new DreyError("INSTANCE_STATE", {
      message: `The instance is already ${state.status.toLowerCase()}`,
    });
  }
  const paths = instancePaths(context, ref);
  const { config } = await expand(context, ref.project, record);
  const layout = await readLayout(context.user);
  const map = await chooseMap(context, ref, { config, layout });
  const fingerprint = record.config["volatile.base_image"] ?? "";
  const lower = await ensureUnpacked(context, { fingerprint, type: "container" }, map);
  const upper = join(paths.volume, "upper");
  const work = join(paths.volume, "work");
  for (const directory of [upper, work, paths.logs]) {
    Deno.mkdirSync(directory, { recursive: true, mode: 0o755 });
  }
  for (const old of [paths.consoleLog, `${paths.consoleLog}.1`]) removeFile(old);

  await cleanUp(context, ref); // what a killed start or stop has left
  const lock = claimRunDirectory(paths.run);
  try {
    const facts = cgroups.readCgroupFacts(context.user.uid);
    const home = cgroups.findHome(facts);
    const cgroup = home === undefined ? undefined : cgroups.createCgroup(home, directoryName(ref));
    setLimits(config, cgroup);
    const init = chooseInit(findInit([upper, lower]), cgroup !== undefined);
    const warnings = [init.warning, layout.kind === "single" ? singleIdWarning(context) : undefined]
      .filter((warning) => warning !== undefined);
    writeRunRecord(paths.run, { cgroupHome: home, haltSignal: init.haltSignal, warnings });
    joinEmptyKeyring();
    sealDescriptors();
    await using parent = await openParent(context, layout);
    await startContainer({
      directory: paths.run,
      lock,
      plan: planStart({
        name: ref.name,
        config,
        root: { kind: "overlay", lower: [lower], upper, work },
        ids: { map, parent: parent.parent },
        cgroup: cgroup?.payload,
        init: init.argv,
        deviceNodes: usableNodes(),
      }),
      supervisors: home === undefined ? undefined : cgroups.supervisorsCgroup(home),
      consoleLog: paths.consoleLog,
      reap: [...context.program, "reap", ref.project, ref.name],
    });
    // the supervisor has inherited the lock and keeps it
    closeFd(lock);
    await remember(context, ref, { map: formatMap(map), action });
    return warnings;
  } catch (error) {
    closeFd(lock);
    await cleanUp(context, ref, { kill: true });
    throw error;
  }
}

function setLimits(config: Config, cgroup: cgroups.InstanceCgroup | undefined): void {
  const have = cgroup === undefined ? [] : cgroups.controllers(cgroup.path);
  const limits = planLimits(config, readHostSize(have));
  const first = limits[0];
  if (first === undefined) return;
  if (cgroup === undefined) throw cgroups.missingController(first);
  cgroups.applyLimits(cgroup, limits);
}

async function remember(context: Context, ref: Ref, run: { map: string; action: string }): Promise<void> {
  const { value, revision } = await loadRecord(context, ref);
  const record = {
    ...value,
    last_used_at: context.now().toISOString(),
    config: {
      ...value.config,
      "volatile.idmap.current": run.map,
      "volatile.last_state.idmap": run.map,
      "volatile.last_state.power": "RUNNING",
    },
  };
  await context.store.commit([{ key: instanceKey(ref), revision }], [
    { key: instanceKey(ref), value: record },
    lifecycleWrite(context, { project: ref.project, action: run.action, source: instanceAddress(ref.name) }),
  ]);
}

/** Device nodes that exist and that the user may open. */
function usableNodes(): string[] {
  const usable = deviceNodes.ifUsable.filter((node) => {
    try {
      Deno.openSync(`/dev/${node}`, { read: true, write: true }).close();
      return true;
    } catch {
      return false; // absent, or not for this user: the container goes without, as the user does
    }
  });
  return [...deviceNodes.always, ...usable];
}

function singleIdWarning({ user }: Context): string {
  return `no subordinate ids belong to ${user.name}, so the container has one user only and its root is ${user.name}: ` +
    `services that change user fail; an administrator can run: usermod --add-subuids 100000-165535 --add-subgids ` +
    `100000-165535 ${user.name}`;
}

function removeFile(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
