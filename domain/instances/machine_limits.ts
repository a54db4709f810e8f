// Limits of a virtual machine that runs: memory by its balloon, processors by plugging them in, and by saying which of
// the host's they run on.

import { limitsCpu } from "../../config/instance_keys.ts";
import { readKey } from "../../config/key.ts";
import { DreyError } from "../../errors.ts";
import { wakeProcessors } from "../../runtime/vm/guest_facts.ts";
import { type Monitor, openMonitor } from "../../runtime/vm/qmp.ts";
import { makeRegion } from "../../runtime/vm/translations.ts";
import { pinProcessors } from "../../runtime/vm/processors.ts";
import type { Config } from "../../wire/instance.ts";
import type { Context, Ref } from "../context.ts";
import { cpuCount, memorySize, runningMachine } from "../machines/plan.ts";
import { readHostSize } from "./host_size.ts";
import { instancePaths } from "./record.ts";

/** @throws {DreyError} `BAD_REQUEST` for what only a start can change */
export async function applyMachineLimits(
  context: Context,
  ref: Ref,
  { before, after }: { before: Config; after: Config },
): Promise<void> {
  const host = readHostSize([]);
  const memory = memorySize(after, host.memory);
  const cpus = cpuCount(after);
  const isSame = memory === memorySize(before, host.memory) && cpus === cpuCount(before);
  const [wasSet, isSet] = [processorSet(before), processorSet(after)];
  const { door, run } = instancePaths(context, ref);
  mustHaveProcessors(isSet, host.cpus);
  // what counts from the next start is none of ours
  if (!isSame) {
    using qmp = await openMonitor(door);
    const machine = runningMachine(run)?.machine;
    const makeRoom = machine?.accelerator === "tcg"
      ? (there: number) => makeRegion(qmp, door, { cpus: there, maxCpus: machine.maxCpus })
      : undefined;
    if (await plugProcessors(qmp, cpus, makeRoom) > 0) await wakeProcessors(door, cpus);
    await setMemory(qmp, memory);
  }
  if (isSet !== undefined) await pinProcessors(door, { each: isSet });
  else if (wasSet !== undefined) await pinProcessors(door, { all: host.cpus });
}

/** Lets the processors of a machine that has just begun run where its settings say. */
export async function pinAtStart(door: string, config: Config): Promise<void> {
  const set = processorSet(config);
  if (set !== undefined) await pinProcessors(door, { each: set });
}

/** Processors of the host that a machine's are to run on, one each; undefined for any. */
export function processorSet(config: Config): number[] | undefined {
  const cpus = readKey(config, limitsCpu);
  return cpus?.kind === "set" ? cpus.cpus : undefined;
}

/** @throws {DreyError} `BAD_REQUEST` if the host lacks one of them */
export function mustHaveProcessors(set: readonly number[] | undefined, host: readonly number[]): void {
  const missing = set?.find((cpu) => !host.includes(cpu));
  if (missing === undefined) return;
  throw new DreyError("BAD_REQUEST", {
    message: `limits.cpu names processor ${missing}, which the host does not have: it has ${host.join(", ")}`,
  });
}

async function setMemory(qmp: Monitor, bytes: number): Promise<void> {
  const { "base-memory": most } = await qmp.execute("query-memory-size-summary") as { "base-memory": number };
  if (bytes > most) {
    throw new DreyError("BAD_REQUEST", {
      message: `Cannot give a running virtual machine more memory than the ${
        most / 2 ** 20
      }MiB it was started with`,
      hint:
        "Stop it first. What is taken from a machine that was started with more can be given back while it runs",
    });
  }
  await qmp.execute("balloon", { value: bytes });
}

interface Slot {
  type: string;
  props: Record<string, number>;
  /** present for a processor that is there */
  "qom-path"?: string;
}

/**
 * Processors come one by one; a guest need not give one back, so none is taken away.
 *
 * @param makeRoom is to be done before each, and told how many are there
 * @returns how many were plugged in
 */
async function plugProcessors(
  qmp: Monitor,
  count: number,
  makeRoom: (there: number) => Promise<void> = async () => {},
): Promise<number> {
  const slots = await qmp.execute("query-hotpluggable-cpus") as Slot[];
  const there = slots.filter((slot) => slot["qom-path"] !== undefined).length;
  if (count < there) {
    throw new DreyError("BAD_REQUEST", {
      message: `Cannot take processors from a running virtual machine: it has ${there}`,
      hint: "Stop it first",
    });
  }
  const free = slots.filter((slot) => slot["qom-path"] === undefined).toSorted((a, b) => order(a) - order(b));
  if (there + free.length < count) {
    throw new DreyError("BAD_REQUEST", {
      message:
        `Cannot give the running virtual machine ${count} processors: it was started for ${slots.length}`,
      hint: "Stop it first",
    });
  }
  for (const [index, { type, props }] of free.slice(0, count - there).entries()) {
    await makeRoom(there + index);
    const id = `cpu-${Object.values(props).join("-")}`;
    await qmp.execute("device_add", { driver: type, id, ...props });
  }
  return count - there;
}

const order = ({ props }: Slot) =>
  (props["socket-id"] ?? 0) * 1e6 + (props["core-id"] ?? 0) * 1e3 + (props["thread-id"] ?? 0);
