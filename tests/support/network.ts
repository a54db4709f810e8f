// What tests of networks do in instances of the image tiny, and see from outside.

import { eventually } from "./eventually.ts";
import { assert } from "@std/testing";
import { readIfThere } from "../../sys/present.ts";
import { runChecked } from "../../sys/run.ts";
import type { Drey } from "./drey.ts";

/** A DHCP client that asks for a minute: a server may just be starting, and the machine be busy. */
export const udhcpc = (device = "eth0"): string[] => [
  ...["busybox", "udhcpc", "-i", device, "-n", "-q", "-t", "60", "-T", "1", "-s", "/etc/udhcpc.sh"],
];

/** Gets an address by DHCP, as an image with an init of its own would. */
export async function dhcp(drey: Drey, ...names: string[]): Promise<void> {
  for (const name of names) {
    await drey`exec ${name} -- ${udhcpc()}`;
  }
}

/** The IPv4 address an instance has on eth0. */
export async function ipv4Of(drey: Drey, name: string): Promise<string> {
  const state = JSON.parse(await drey`query /1.0/instances/${name}/state`);
  const found = state.network.eth0.addresses.find(({ family }: { family: string }) => family === "inet");
  assert(found !== undefined, `${name} has no IPv4 address`);
  return found.address;
}

/** Sees that one instance reaches another, if not by the first packet. */
export async function reaches(drey: Drey, from: string, to: string): Promise<void> {
  await eventually(`${from} reaches ${to}`, () => pings(drey, from, to));
}

/** Whether one instance reaches another by one ping; for those that are not to. */
export async function pings(drey: Drey, from: string, to: string): Promise<boolean> {
  const { code } = await drey.run(["exec", from, "--", "busybox", "ping", "-c", "1", "-W", "2", to]);
  return code === 0;
}

/** Routes that lead to a bridge, but those of its own addresses. */
export async function routesOf(drey: Drey, bridge: string): Promise<string[]> {
  const show = ["ip", "-4", "route", "show", "dev", bridge];
  const keeper = readIfThere(`${drey.directory}/run/network/keeper.pid`)?.trim();
  const enter = ["nsenter", "-t", keeper ?? "", "-U", "--preserve-credentials", "-n", "--"];
  const text = await runChecked(keeper === undefined ? show : [...enter, ...show]);
  return text.split("\n").filter((line) => line !== "" && !line.includes("proto kernel")).map((line) =>
    line.trim()
  );
}

/** Host pids of the hub's processes, by what they run. */
export function hubProcesses(drey: Drey): { pid: number; argv: string }[] {
  const directory = `${drey.directory}/run/network`;
  const group = Deno.readTextFileSync(`${directory}/holder.pid`).trim();
  const pids = [...Deno.readDirSync("/proc")].map(({ name }) => name).filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    try {
      const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
      const [, , leader] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      const argv = Deno.readTextFileSync(`/proc/${pid}/cmdline`).replaceAll("\0", " ");
      return leader === group && argv !== "" ? [{ pid: Number(pid), argv }] : [];
    } catch {
      return []; // it ended meanwhile
    }
  });
}
