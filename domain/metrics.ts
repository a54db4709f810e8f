// Metrics: what running instances use and what drey does, as text that Prometheus reads.

import type { Instance } from "../wire/instance.ts";
import type { Context } from "./context.ts";
import { readHostSize } from "./instances/host_size.ts";
import { listInstances } from "./instances/list.ts";
import { processesByNamespace } from "./instances/processes.ts";
import { currentState } from "./instances/status.ts";
import { formatMetrics, type Sample } from "./metrics/families.ts";
import { instanceSamples } from "./metrics/instance.ts";
import { isFinal, listOperations } from "./operations.ts";
import { listWarnings } from "./warnings.ts";

const begun = performance.now();

/** The metrics of one project, or of all and of drey itself. */
export async function readMetrics(context: Context, project?: string): Promise<string> {
  const instances = await listInstances(context, project);
  const host = readHostSize([]);
  const processes = processesByNamespace();
  const running = instances.flatMap((instance) => {
    const state = currentState(context, instance);
    return "pid" in state ? [{ instance, pid: state.pid, pids: processes.of(state.pid) }] : [];
  });
  const each = await Promise.all(running.map((one) => instanceSamples(context, one, host)));
  const own = project === undefined ? await ownSamples(context) : [];
  return formatMetrics([...countInstances(instances), ...each.flat(), ...own]);
}

function countInstances(instances: readonly Instance[]): Sample[] {
  const kinds = Map.groupBy(instances, ({ project, type }) => JSON.stringify({ project, type }));
  return [...kinds].map(([labels, { length }]) => ({
    family: "lxd_instances",
    labels: JSON.parse(labels),
    value: length,
  }));
}

async function ownSamples(context: Context): Promise<Sample[]> {
  const operations = (await listOperations(context)).filter((operation) => !isFinal(operation));
  const warnings = (await listWarnings(context)).filter(({ status }) => status !== "resolved");
  return [
    { family: "lxd_operations_total", labels: {}, value: operations.length },
    { family: "lxd_warnings_total", labels: {}, value: warnings.length },
    { family: "lxd_uptime_seconds", labels: {}, value: (performance.now() - begun) / 1000 },
  ];
}
