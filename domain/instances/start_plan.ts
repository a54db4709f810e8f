// From settings to a container's plan: pure. start.ts gathers the facts and carries it out.

import { environment } from "../../config/environment_key.ts";
import * as keys from "../../config/instance_keys.ts";
import { readKey, readPattern } from "../../config/key.ts";
import type { ContainerPlan, DeviceSteps, MachineBox, RootSource } from "../../runtime/container_plan.ts";
import type { Application } from "../../runtime/steps.ts";
import { stagedRoot, stagedSharesOf } from "../../runtime/namespaces.ts";
import type { Config } from "../../wire/instance.ts";
import { rlimitsOf, sysctlsOf } from "./kernel_settings.ts";
import type { StartParts } from "../devices/device.ts";

export interface StartFacts {
  name: string;
  /** expanded configuration */
  config: Config;
  root: RootSource;
  ids: ContainerPlan["ids"];
  cgroup: string | undefined;
  init: string[];
  /** how the init's program runs where it is no init itself */
  application?: Application;
  /** descriptor of a new unix socket, for an instance that is to have one */
  guestSocket: number;
  /** the box of a virtual machine */
  machine?: MachineBox;
  /** nodes below /dev that this host has and the user may open */
  deviceNodes: string[];
  /** what the devices of the instance add */
  parts: readonly StartParts[];
  /** what system calls a container's processes are refused */
  filter?: ContainerPlan["filter"];
  /** templates of the image, filled in */
  fills?: ContainerPlan["fills"];
}

/** LXC's environment of an init, which images look for to learn that they run in a container. */
const initEnvironment = {
  container: "lxc",
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  HOME: "/root",
  USER: "root",
  TERM: "linux",
};

/** What a command of an application image may count on. */
const applicationEnvironment = ({ uid }: Application) => ({
  PATH: initEnvironment.PATH,
  HOME: uid === 0 ? "/root" : "/",
  TERM: "xterm",
});

/** The container that an instance is, or the box that a virtual machine runs in. */
export function planStart(facts: StartFacts): ContainerPlan {
  const { machine } = facts;
  return machine === undefined ? planContainer(facts) : planBox({ ...facts, machine });
}

/** The settings of a virtual machine are for its guest; its box has few of its own. */
function planBox(facts: StartFacts & { machine: MachineBox }): ContainerPlan {
  const { machine } = facts;
  const reads = machine.files.map(({ source }) => source);
  const guest = guestOf(facts);
  return {
    hostname: facts.name,
    root: facts.root,
    ids: facts.ids,
    cgroup: facts.cgroup,
    init: { argv: facts.init, env: { PATH: initEnvironment.PATH } },
    deviceNodes: nodesOf(facts),
    nesting: false,
    // RLIMIT_MEMLOCK
    ...machine.locksMemory && { rlimits: [{ resource: 8, soft: "", hard: "" }] },
    machine,
    ...guest,
    devices: deviceSteps({ ...facts, parts: [...facts.parts, { reads }] }, guest),
  };
}

const nodesOf = ({ deviceNodes: nodes, parts }: StartFacts) => [
  ...new Set([...nodes, ...parts.flatMap(({ deviceNodes = [] }) => deviceNodes)]),
];

const guestOf = ({ config, guestSocket }: StartFacts) =>
  readKey(config, keys.securityDevlxd) ? { guestSocket } : {};

function planContainer(facts: StartFacts): ContainerPlan {
  const guest = guestOf(facts);
  return {
    hostname: facts.name,
    root: facts.root,
    ids: facts.ids,
    cgroup: facts.cgroup,
    init: {
      argv: facts.init,
      env: {
        ...(facts.application === undefined ? initEnvironment : applicationEnvironment(facts.application)),
        ...readPattern(facts.config, environment),
      },
      ...facts.application && { application: facts.application },
    },
    deviceNodes: nodesOf(facts),
    nesting: readKey(facts.config, keys.securityNesting) ?? false,
    ...facts.fills && facts.fills.length > 0 && { fills: facts.fills },
    ...guest,
    ...facts.parts.some(({ sharesNetwork }) => sharesNetwork) && { sharesNetwork: true },
    sysctls: sysctlsOf(facts.config),
    rlimits: rlimitsOf(facts.config),
    ...facts.filter && { filter: facts.filter },
    devices: deviceSteps(facts, guest),
  };
}

function deviceSteps(
  { root, parts, machine }: StartFacts,
  guest: Pick<ContainerPlan, "guestSocket">,
): DeviceSteps {
  const reads = parts.flatMap(({ reads = [] }) => reads);
  const built = { root, ...guest, devices: { reads } };
  const staged = machine?.hasShares ? stagedSharesOf(built) : stagedRoot(built);
  return {
    reads,
    outer: parts.flatMap((part) => part.outer?.(staged) ?? []),
    inner: parts.flatMap((part) => part.inner?.(staged) ?? []),
    settled: parts.flatMap((part) => part.settled?.(staged) ?? []),
  };
}
