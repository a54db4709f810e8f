// Metrics: valid to Prometheus' own tool, and true.

import { assert, assertEquals, assertMatch } from "@std/testing";
import { run } from "../../sys/run.ts";
import { e2e } from "../support/drey.ts";

const needs = ["userns", "subids"] as const;

type Metrics = Map<string, { labels: Record<string, string>; value: number }[]>;

function parse(text: string): Metrics {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const samples = lines.map((line) => {
    const [, name = "", , labels = "", value] = /^(\w+)(\{(.*)\})? (\S+)$/.exec(line) ?? [];
    const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = "", text = ""]) => [key, text]);
    return { name, labels: Object.fromEntries(pairs), value: Number(value) };
  });
  return Map.groupBy(samples, ({ name }) => name);
}

await e2e("metrics tell what an instance uses", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  await drey`init tiny c2`;
  await drey`exec c1 -- sh -c ${"i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done"}`;
  const text = await drey`query /1.0/metrics`;
  assertMatch(text, /# EOF\n$/);
  const metrics = parse(text);
  const of = (name: string) => (metrics.get(name) ?? []).filter(({ labels }) => labels.name === "c1");
  const own = { name: "c1", project: "default", type: "container" };
  assertEquals(of("lxd_procs_total")[0]?.labels, own);
  assert((of("lxd_procs_total")[0]?.value ?? 0) >= 1);
  const seconds = of("lxd_cpu_seconds_total");
  assertEquals(seconds.map(({ labels }) => labels.mode).toSorted(), ["system", "user"]);
  const spent = seconds.reduce((sum, { value }) => sum + value, 0);
  assert(spent > 0.02 && spent < 60, `${spent} s`);
  const [root] = of("lxd_filesystem_size_bytes").filter(({ labels }) => labels.mountpoint === "/");
  assert(root !== undefined && root.value > 2 ** 20);
  assert(of("lxd_memory_RSS_bytes")[0]!.value > 1000);
  assertEquals(of("lxd_memory_MemTotal_bytes")[0]!.value, Deno.systemMemoryInfo().total);
  assertEquals(of("lxd_network_receive_bytes_total").map(({ labels }) => labels.device).includes("lo"), true);
  assertEquals(metrics.get("lxd_instances")?.map(({ value }) => value), [2]);
  assertEquals(text.includes('name="c2"'), false, "what does not run uses nothing");
  await drey`project create other`;
  const others = await drey`query /1.0/metrics?project=other`;
  assertEquals(others, "# EOF\n");
});

await e2e("promtool reads the metrics", { needs: [...needs, "promtool"] }, async (drey) => {
  await drey`launch tiny c1`;
  const text = await drey`query /1.0/metrics`;
  const { code, stdout, stderr } = await run(["promtool", "check", "metrics"], { stdin: text });
  // 3: it was read, and some of LXD's names are not to the tool's taste
  assert(code === 0 || code === 3, `${code}: ${stdout}${stderr}`);
  const complaints = `${stdout}${stderr}`.split("\n").filter((line) => line !== "");
  const isOfNames = (line: string) =>
    / non-counter metrics should not have "_total" suffix$/.test(line) ||
    / metric names should be written in 'snake_case' not 'camelCase'$/.test(line);
  assertEquals(complaints.filter((line) => !isOfNames(line)), []);
});
