// Limits of running instances, as the instance feels them. They need controllers of cgroup v2 delegated to the user,
// which a systemd session has.

import { assert, assertEquals, assertMatch } from "@std/testing";
import { type Drey, e2e } from "../support/drey.ts";

/** Fills some memory, in MiB, and says so. */
const fill = (size: number) => `my $x = "x" x (${size} << 20); print length $x`;

/** Starts as many sleeping children as it may, at most 100, and says how many; then ends them. */
const breed = `my @pids; for (1 .. 100) { my $pid = fork; last if !defined $pid;
  if (!$pid) { sleep 60; exit } push @pids, $pid } kill 9, @pids; print scalar @pids`;

/** Keeps a processor busy for a second, and says for how many hundredths it was let. */
const busy = `my $end = time + 2; 1 while time < $end - 1; my $before = (times)[0]; 1 while time < $end;
  printf "%d", 100 * ((times)[0] - $before)`;

const perl = (drey: Drey, name: string, program: string) =>
  drey.run(["exec", name, "--", "perl", "-e", program]);

await e2e("limits.memory holds, and is lifted while the instance runs", {
  needs: ["subids", "memory"],
}, async (drey) => {
  await drey`launch tiny c1 -c limits.memory=64MiB -c limits.memory.swap=false`;
  assertEquals((await perl(drey, "c1", fill(16))).stdout, String(16 << 20));
  assertEquals((await perl(drey, "c1", fill(200))).code, 137, "killed for its memory");
  assertEquals(await drey`exec c1 -- echo alive`, "alive\n");
  const { memory } = JSON.parse(await drey`query /1.0/instances/c1/state`);
  assert(memory.usage > 0 && memory.usage <= 64 << 20, `${memory.usage} bytes in use`);
  await drey`config set c1 limits.memory 1GiB`;
  assertEquals((await perl(drey, "c1", fill(200))).stdout, String(200 << 20));
  assertMatch((await drey.tries`config set c1 limits.memory nonsense`).stderr, /limits\.memory/);
});

await e2e("limits.processes holds, and is lifted while the instance runs", {
  needs: ["subids", "pids"],
}, async (drey) => {
  await drey`launch tiny c1 -c limits.processes=20`;
  const few = Number((await perl(drey, "c1", breed)).stdout);
  assert(few > 5 && few < 20, `${few} children`);
  await drey`config unset c1 limits.processes`;
  assertEquals((await perl(drey, "c1", breed)).stdout, "100");
});

await e2e("limits.cpu.allowance holds, and changes while the instance runs", {
  needs: ["subids", "cpu"],
}, async (drey) => {
  await drey`launch tiny c1 -c limits.cpu.allowance=20ms/100ms`;
  const slow = Number((await perl(drey, "c1", busy)).stdout);
  assert(slow <= 35, `${slow} hundredths of a processor, where 20 are allowed`);
  await drey`config set c1 limits.cpu.allowance 60ms/100ms`;
  const faster = Number((await perl(drey, "c1", busy)).stdout);
  assert(faster > slow && faster <= 75, `${faster} hundredths after ${slow}, where 60 are allowed`);
});

await e2e("limits.cpu gives an instance so many processors, or these", {
  needs: ["subids", "cpuset"],
}, async (drey) => {
  const processors = async () => (await drey`exec c1 -- nproc`).trim();
  await drey`launch tiny c1 -c limits.cpu=1`;
  assertEquals(await processors(), "1");
  await drey`config unset c1 limits.cpu`;
  assertEquals(await processors(), String(navigator.hardwareConcurrency));
  await drey`config set c1 limits.cpu 0-0`;
  const allowed = await drey`exec c1 -- grep Cpus_allowed_list /proc/self/status`;
  assertMatch(allowed, /^Cpus_allowed_list:\s+0$/m);
});

await e2e("limits outlive a restart and a pause", {
  needs: ["subids", "memory", "pids"],
}, async (drey) => {
  await drey`launch tiny c1 -c limits.memory=64MiB -c limits.processes=30`;
  await drey`restart -f c1`;
  assertEquals((await perl(drey, "c1", fill(200))).code, 137);
  const few = Number((await perl(drey, "c1", breed)).stdout);
  assert(few > 5 && few < 30, `${few} children`);
  await drey`pause c1`;
  await drey`resume c1`;
  assertEquals(await drey`exec c1 -- echo alive`, "alive\n");
});
