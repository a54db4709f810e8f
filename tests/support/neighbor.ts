// Another machine, as far as the host can tell: a network namespace on a cable. The host's end is near0 with 198.18.44.7,
// the other far0 with 198.18.44.8, of a range that no real network has (RFC 2544). For root.

import { run, runChecked, type RunResult } from "../../sys/run.ts";
import { eventually } from "./eventually.ts";

export interface Neighbor extends AsyncDisposable {
  run(...argv: string[]): Promise<RunResult>;
  /** what a port of the host says to it; nothing where nobody answers */
  hears(host: string, port: number): Promise<string>;
}

export async function openNeighbor(): Promise<Neighbor> {
  const child = new Deno.Command("unshare", { args: ["--net", "sleep", "600"] }).spawn();
  const namespace = (pid: number | "self") => Deno.readLinkSync(`/proc/${pid}/ns/net`);
  await eventually(
    "the neighbor has a namespace",
    () => Promise.resolve(namespace(child.pid) !== namespace("self")),
  );
  await runChecked([
    "sh",
    "-ec",
    // a run that was killed may have left its cable
    `ip link delete near0 2>/dev/null || :
ip link add near0 type veth peer name far0 netns ${child.pid}
ip addr add 198.18.44.7/24 dev near0
ip link set near0 up
nsenter -t ${child.pid} -n sh -ec 'ip addr add 198.18.44.8/24 dev far0; ip link set far0 up'`,
  ]);
  const inside: Neighbor["run"] = (...argv) => run(["nsenter", "-t", String(child.pid), "-n", ...argv]);
  return {
    run: inside,
    async hears(host, port) {
      return (await inside("socat", "-u", `TCP:${host}:${port},connect-timeout=30`, "-")).stdout.trim();
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
      await runChecked(["sh", "-c", "ip link delete near0 2>/dev/null || :"]);
    },
  };
}
