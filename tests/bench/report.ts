// What the figures mean: medians in a table, and each target of ours with what it came to.

import { median, type Times } from "./contender.ts";

export interface Results {
  /** by contender, then by step */
  times: Record<string, Times>;
  /** who did not take part, and why */
  absent: Record<string, string>;
}

/** What drey is held to: milliseconds, or times what others took in the same run. */
interface Target {
  step: string;
  most: number | { times: number; of: readonly string[] };
}

export const targets: readonly Target[] = [
  { step: "launch", most: { times: 1.0, of: ["podman"] } },
  { step: "launch", most: { times: 0.15, of: ["lxd-btrfs"] } },
  { step: "start", most: { times: 1.0, of: ["podman"] } },
  { step: "start", most: { times: 0.5, of: ["lxd", "lxd-btrfs"] } },
  { step: "exec", most: { times: 0.5, of: ["podman"] } },
  { step: "exec", most: { times: 1.0, of: ["lxd", "lxd-btrfs"] } },
  { step: "stop", most: { times: 0.2, of: ["lxd", "lxd-btrfs"] } },
  { step: "delete", most: { times: 1.0, of: ["podman", "lxd", "lxd-btrfs"] } },
  { step: "snapshot", most: { times: 0.4, of: ["lxd-btrfs"] } },
  { step: "restore", most: { times: 0.4, of: ["lxd-btrfs"] } },
  { step: "copy", most: { times: 0.4, of: ["lxd-btrfs"] } },
  { step: "list of 50", most: 60 },
  { step: "--help", most: 35 },
];

export interface Verdict {
  target: string;
  found: string;
  /** absent where nobody is there to compare with */
  met?: boolean;
}

/** Holds the medians against every target. */
export function judge({ times }: Results): Verdict[] {
  const of = (who: string, step: string) => {
    const taken = times[who]?.[step];
    return taken === undefined || taken.length === 0 ? undefined : median(taken);
  };
  return targets.map(({ step, most }) => {
    const ours = of("drey", step);
    if (ours === undefined) return { target: step, found: "not measured" };
    if (typeof most === "number") {
      return { target: `${step} <= ${most} ms`, found: `${ours.toFixed(1)} ms`, met: ours <= most };
    }
    const target = `${step} <= ${most.times} x ${most.of.join(" or ")}`;
    const others = most.of.map((who) => of(who, step)).filter((value) => value !== undefined);
    if (others.length === 0) return { target, found: `no ${most.of.join(", no ")} here` };
    const ratio = ours / Math.min(...others);
    return { target, found: `${ratio.toFixed(2)} x`, met: ratio <= most.times };
  });
}

/** The table of medians and the verdicts, as plain text. */
export function formatReport(results: Results): string {
  const who = Object.keys(results.times);
  const steps = [...new Set(who.flatMap((name) => Object.keys(results.times[name] ?? {})))];
  const rows = [["ms, median", ...who]];
  for (const step of steps) {
    rows.push([
      step,
      ...who.map((name) => {
        const taken = results.times[name]?.[step];
        return taken === undefined ? "" : median(taken).toFixed(1);
      }),
    ]);
  }
  const verdicts = judge(results).map(({ target, found, met }) => [
    met === undefined ? "-" : met ? "met" : "MISSED",
    target,
    found,
  ]);
  const notes = Object.entries(results.absent).map(([name, reason]) => `${name}: ${reason}`);
  return [columns(rows), columns(verdicts), ...notes].join("\n\n");
}

function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0))) ?? [];
  return rows.map((row) => row.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join("  ").trimEnd())
    .join("\n");
}
