// Starting an instance: gathers the facts, makes the plan, hands it to the runtime. Whatever fails is undone.

import { join } from "@std/path";
import { alsoFailed, DreyError } from "../../errors.ts";
import { grantCommand } from "../../idmap/grant.ts";
import { formatMap, type IdMap } from "../../idmap/map.ts";
import { type IdLayout, readLayout } from "../../idmap/ranges.ts";
import * as cgroups from "../../runtime/cgroups.ts";
import type { ContainerPlan, RootSource } from "../../runtime/container_plan.ts";
import { endFileSessions } from "../../runtime/file_sessions.ts";
import { openGuestSocket } from "../../runtime/guest_socket.ts";
import { innerSteps, outerSteps } from "../../runtime/namespaces.ts";
import type { Step } from "../../runtime/steps.ts";
import type { SyscallFilter } from "../../runtime/syscall_filter.ts";
import { runFiles } from "../../runtime/run_files.ts";
import { claimRunDirectory } from "../../runtime/run_state.ts";
import { beginSupervisor, startContainer } from "../../runtime/supervisor.ts";
import { closeFd, sealDescriptors } from "../../sys/descriptors.ts";
import { joinEmptyKeyring } from "../../sys/processes.ts";
import type { Config, Devices } from "../../wire/instance.ts";
import type { Context, Ref } from "../context.ts";
import { noteDevices, planDevices } from "../devices.ts";
import type { StartParts } from "../devices/device.ts";
import { cleanUp } from "./clean_up.ts";
import { clearEarlierRun } from "./earlier_run.ts";
import { expand } from "./expand.ts";
import { usableNodes } from "./device_nodes.ts";
import { readHostSize } from "./host_size.ts";
import { type CgroupHome, openHome, planHome } from "../cgroup_home.ts";
import { chooseMap, settleMap } from "./ids.ts";
import { applicationInit } from "./application.ts";
import { chooseInit, findInit, type InitChoice, startable } from "./init.ts";
import { planLimits } from "./limits.ts";
import { mustBeUnprotected } from "./protection.ts";
import { beginParent } from "./parent.ts";
import { directoryName, instancePaths, type InstanceRecord, loadRecord, readyKey } from "./record.ts";
import { copyInstead, isOverlayRefused, layersOf, prepareRoot, rootSource } from "./root_volume.ts";
import { planTemplates, templateTrigger } from "./templates.ts";
import type { MachineStart } from "./machine.ts";
import { noteWarnings } from "./note_warnings.ts";
import { watchRootSize } from "./root_size.ts";
import { writeRunRecord } from "./run_record.ts";
import { planStart } from "./start_plan.ts";
import { currentState } from "./status.ts";
import { filterOf } from "./syscalls.ts";
import { editRecord, instanceEvent } from "./changes.ts";

/** Everything the start of an instance follows from. */
interface Facts {
  config: Config;
  devices: Devices;
  layout: IdLayout;
  map: IdMap;
  root: RootSource;
  /** directory of drey's cgroups, and the instance's below it */
  home: CgroupHome | undefined;
  cgroup: cgroups.InstanceCgroup | undefined;
  init: InitChoice;
  /** what the devices add */
  parts: StartParts[];
  /** what system calls a container's processes are refused */
  filter: SyscallFilter | undefined;
  /** templates of the image, filled in */
  fills: NonNullable<ContainerPlan["fills"]>;
  /** present for a virtual machine */
  machine?: MachineStart;
}

async function gather(context: Context, ref: Ref, findMap: typeof chooseMap): Promise<Facts> {
  const { value: record } = await loadRecord(context, ref);
  const { config, devices } = await expand(context, ref.project, record);
  const layout = await readLayout(context.user);
  const map = await findMap(context, ref, { config, layout });
  const [root, parts] = await Promise.all([
    rootSource(context, ref, { record, map }),
    planDevices({ context, ref, type: record.type, config, devices, map }),
  ]);
  const home = planHome(context);
  const isMachine = record.type === "virtual-machine";
  const machine = isMachine
    ? await (await import("./machine.ts")).gatherMachine(context, ref, {
      config,
      devices,
      root,
      parts,
      isStateful: record.stateful,
    })
    : undefined;
  const init = machine?.init ?? applicationInit(config) ??
    chooseInit(findInit(layersOf(root)), home !== undefined);
  return {
    config,
    devices,
    layout,
    map,
    root,
    home,
    cgroup: home === undefined ? undefined : cgroups.instanceCgroup(home.path, directoryName(ref)),
    init,
    parts: [...parts, ...machine?.parts ?? []],
    filter: isMachine ? undefined : await filterOf(config),
    fills: await planTemplates(context, ref, { record, config, devices }),
    ...machine && { machine },
  };
}

function planOf(
  ref: Ref,
  { facts, parent, guestSocket }: {
    facts: Facts;
    parent: ContainerPlan["ids"]["parent"];
    guestSocket: number;
  },
): ContainerPlan {
  return planStart({
    name: ref.name,
    config: facts.config,
    root: facts.root,
    ids: { map: facts.map, parent },
    cgroup: facts.cgroup?.payload,
    init: facts.init.argv,
    ...facts.init.application && { application: facts.init.application },
    guestSocket,
    ...facts.machine && { machine: facts.machine.box },
    deviceNodes: facts.machine?.deviceNodes ?? usableNodes(),
    parts: facts.parts,
    ...facts.filter && { filter: facts.filter },
    fills: facts.fills,
  });
}

/** Stands in a plan that nobody carries out for a descriptor that nobody has opened. */
const someFd = 10;

/**
 * The plan an instance would be started with now, and its steps; the parent namespace is that of no process yet.
 */
export async function showPlan(
  context: Context,
  ref: Ref,
): Promise<{ plan: ContainerPlan; outer: Step[]; inner: Step[] }> {
  const facts = await gather(context, ref, chooseMap);
  const map = facts.layout.parent;
  const plan = planOf(ref, {
    facts,
    parent: map === undefined ? undefined : { map, pid: 0, level: "own" },
    guestSocket: someFd,
  });
  const { run } = instancePaths(context, ref);
  const at = (name: keyof typeof runFiles) => join(run, runFiles[name]);
  const files = { inner: join(run, "inner"), walker: at("innerWalker"), init: at("init") };
  return { plan, outer: outerSteps(plan, files), inner: innerSteps(plan) };
}

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
  const state = currentState(context, ref);
  if (state.status !== "Stopped") {
    throw new DreyError("INSTANCE_STATE", {
      message: `The instance is already ${state.status.toLowerCase()}`,
    });
  }
  await mustBeUnprotected(context, ref, "start");
  joinEmptyKeyring();
  sealDescriptors();
  const started = await startOnce(context, ref, action);
  // found out by trying: asking every time would cost more than the rare second start
  return started === "copied" ? await startLocked(context, ref, action) : started;
}

/** One try; `copied` says that no overlay could be mounted, and that the instance has a copy of its image now. */
async function startOnce(context: Context, ref: Ref, action: string): Promise<string[] | "copied"> {
  await using parent = beginParent(context);
  const facts = startable(await gather(context, ref, settleMap));
  const { layout, root, home } = facts;
  const paths = instancePaths(context, ref);
  await prepareRoot(context, ref);
  await endFileSessions(paths.fileSessions);
  const cleared = clearEarlierRun(paths, root);
  await cleanUp(context, ref); // what a killed start or stop has left
  let lock: number | undefined = claimRunDirectory(paths.run);
  let prepared: Promise<unknown> | undefined;
  try {
    await using _home = await openHome(context);
    const warnings = [facts.init.warning, layout.kind === "single" ? singleIdWarning(context) : undefined]
      .filter((warning) => warning !== undefined);
    // before the cgroup is made: whoever cleans up after a killed start reads here where it is
    const { init: { haltSignal }, filter } = facts;
    const idmap = formatMap(facts.map);
    writeRunRecord(paths.run, {
      cgroupHome: home?.path,
      cgroupTree: home?.tree,
      ...{ idmap, haltSignal, filter, warnings },
    });
    noteDevices(paths.run, facts.devices);
    if (home !== undefined) cgroups.createCgroup(home.path, directoryName(ref));
    using socket = openGuestSocket();
    using supervisor = beginSupervisor({
      directory: paths.run,
      lock,
      guestSocket: socket.fd,
      supervisors: home === undefined ? undefined : cgroups.supervisorsCgroup(home.path),
      instance: ref,
      program: context.program(),
    });
    if (facts.machine === undefined) setLimits(facts.config, facts.cgroup);
    const way = await parent.open();
    prepared = prepare(facts.parts, way);
    const plan = planOf(ref, { facts, parent: way, guestSocket: socket.fd });
    await facts.machine?.prepare(plan, facts.fills);
    await cleared;
    await startContainer(supervisor, {
      plan,
      onReady: async (pid) => {
        await prepared;
        for (const part of facts.parts) await part.attach?.(pid);
        facts.machine?.settle(facts.parts);
      },
      consoleLog: paths.consoleLog,
    });
    // the supervisor has inherited the lock and keeps it
    closeFd(lock);
    lock = undefined;
    warnings.push(...await facts.machine?.mustRun() ?? []);
    const volatile = Object.assign({}, ...facts.parts.map((part) => part.volatile));
    await remember(context, ref, { map: formatMap(facts.map), action, volatile });
    warnings.push(...await watchRootSize(context, ref, facts.devices));
    warnings.push(...facts.parts.flatMap((part) => part.warnings ?? []));
    await noteWarnings(context, ref, warnings);
    return warnings;
  } catch (error) {
    if (lock !== undefined) closeFd(lock);
    await prepared?.catch(() => {}); // what it does must be done before it can be undone
    await cleanUp(context, ref, { kill: true }).catch((later) => Promise.reject(alsoFailed(error, later)));
    if (!isOverlayRefused(error) || root.kind !== "overlay" || !await copyInstead(context, ref)) {
      throw error;
    }
    return "copied";
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

/** Begins what the devices do beside the building of the container; its failure is told to whoever waits for it. */
function prepare(parts: readonly StartParts[], parent: ContainerPlan["ids"]["parent"]): Promise<unknown> {
  const begun = Promise.all(parts.map((part) => part.prepare?.(parent)));
  begun.catch(() => {});
  return begun;
}

async function remember(
  context: Context,
  ref: Ref,
  run: { map: string; action: string; volatile: Config },
): Promise<void> {
  const edit = ({ config: { [templateTrigger]: _applied, ...kept }, ...record }: InstanceRecord) => ({
    ...record,
    // what was saved is used up
    stateful: false,
    last_used_at: context.now().toISOString(),
    config: {
      ...kept,
      ...run.volatile,
      "volatile.idmap.current": run.map,
      "volatile.last_state.idmap": run.map,
      "volatile.last_state.power": "RUNNING",
      // it has yet to say so
      [readyKey]: "false",
    },
  });
  await editRecord(context, ref, edit, [instanceEvent(context, ref, run.action)]);
}

function singleIdWarning({ user }: Context): string {
  return `no subordinate ids belong to ${user.name}, so the container has one user only and its root is ${user.name}: ` +
    `services that change user fail; an administrator can run: ${grantCommand(user.name)}`;
}
