// Metrics: valid to Prometheus' own tool, and true.

import { assert, assertEquals, assertMatch, assertRejects } from "@std/testing";
import { join } from "@std/path";
import { type KeyPair, makeCertificate } from "../../auth/tls.ts";
import { run } from "../../sys/run.ts";
import { e2e } from "../support/drey.ts";
import { askRaw } from "../support/raw_https.ts";
import { freePort, serve } from "../support/server.ts";

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

await e2e("metrics have an address of their own, for strangers too if they may", { needs }, async (drey) => {
  await using _server = await serve(drey);
  const address = `127.0.0.1:${freePort()}`;
  const pair = await makeCertificate({ commonName: "metrics", use: "client" });
  const path = join(drey.directory, "metrics.crt");
  await Deno.writeTextFile(path, pair.certificate);
  await drey`config trust add-certificate ${path} --type metrics`;
  await drey`config set core.metrics_address=${address}`;
  const ask = async (path: string, identity?: KeyPair) => {
    const { status, body } = await askRaw(address, `GET ${path}`, { identity });
    return { status, hasMetrics: body.includes("lxd_uptime_seconds") };
  };
  assertEquals(await ask("/1.0/metrics", pair), { status: 200, hasMetrics: true });
  assertEquals(await ask("/1.0/metrics"), { status: 403, hasMetrics: false });
  for (const other of ["/1.0", "/1.0/instances", "/1.0/metrics/x", "/"]) {
    assertEquals((await ask(other, pair)).status, 404, other);
  }
  await drey`config set core.metrics_authentication=false`;
  assertEquals(await ask("/1.0/metrics"), { status: 200, hasMetrics: true });
  assertEquals((await ask("/1.0/events")).status, 404);
  // two doors cannot be one, and what was open stays open
  const taken = await drey.tries`config set core.https_address=${address}`;
  assertMatch(taken.stderr, /Cannot listen on/);
  assertEquals((await ask("/1.0/metrics")).status, 200);
  await drey`config unset core.metrics_address`;
  await assertRejects(() => ask("/1.0/metrics"));
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
