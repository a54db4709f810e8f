// From settings to a container's plan: pure. start.ts gathers the facts and carries it out.

import * as keys from "../../config/instance_keys.ts";
import { readKey, readPattern } from "../../config/key.ts";
import type { ContainerPlan, RootSource } from "../../runtime/container_plan.ts";
import type { Config } from "../../wire/instance.ts";

export interface StartFacts {
  name: string;
  /** expanded configuration */
  config: Config;
  root: RootSource;
  ids: ContainerPlan["ids"];
  cgroup: string | undefined;
  init: string[];
  /** nodes below /dev that this host has and the user may open */
  deviceNodes: string[];
}

/** Device nodes every container gets, and those it gets where the host's user may use them. */
export const deviceNodes = {
  always: ["null", "zero", "full", "random", "urandom", "tty"],
  ifUsable: ["fuse", "net/tun"],
};

/** LXC's environment of an init, which images look for to learn that they run in a container. */
const initEnvironment = {
  container: "lxc",
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  HOME: "/root",
  USER: "root",
  TERM: "linux",
};

export function planStart(facts: StartFacts): ContainerPlan {
  return {
    hostname: facts.name,
    root: facts.root,
    ids: facts.ids,
    cgroup: facts.cgroup,
    init: {
      argv: facts.init,
      env: { ...initEnvironment, ...readPattern(facts.config, keys.environment) },
    },
    deviceNodes: facts.deviceNodes,
    nesting: readKey(facts.config, keys.securityNesting) ?? false,
  };
}
