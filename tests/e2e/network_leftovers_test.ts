// What a killed drey leaves of root's networks on the host: the next command takes it away.

import { assertEquals, assertMatch } from "@std/testing";
import { exists } from "../../sys/present.ts";
import { run, runChecked } from "../../sys/run.ts";
import { e2e } from "../support/drey.ts";
import { findLeftovers, nothingLeft } from "../support/leftovers.ts";
import { eventually } from "../support/eventually.ts";

const needs = ["subids", "network", "root"] as const;

await e2e("a network nobody needs any more ends with the next command", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  // what a kill leaves that comes between the record of the NIC and the end of the hub
  for (const { name } of Deno.readDirSync(`${drey.directory}/run/nics`)) {
    await Deno.remove(`${drey.directory}/run/nics/${name}`);
  }
  await drey`list`;
  assertEquals(exists(`${drey.directory}/run/network`), false);
  await drey`delete -f c1`;
  assertEquals(await findLeftovers(drey.directory), nothingLeft);
});

await e2e("a hub that was killed before it said what is up leaves nothing", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  await Deno.remove(`${drey.directory}/run/network/up.json`);
  await drey`delete -f c1`;
  assertEquals(await findLeftovers(drey.directory), nothingLeft);
});

await e2e("root's bridges are there from their creation to their end, also after a start of the host", {
  needs: ["network", "root"],
  images: [],
}, async (drey) => {
  const addressOf = async (bridge: string) =>
    (await run(["ip", "-br", "addr", "show", "dev", bridge])).stdout;
  const holder = () => Number(Deno.readTextFileSync(`${drey.directory}/run/network/holder.pid`));
  const asksNames = () => exists(`${drey.directory}/run/network/services/dns.kept0.pid`);
  await drey`network create kept0 ipv4.address=198.18.50.1/24 ipv6.address=none`;
  assertMatch(await addressOf("kept0"), / 198\.18\.50\.1\/24/);
  await eventually("its server of names runs", () => Promise.resolve(asksNames()));
  await drey`network create kept1 ipv4.address=198.18.51.1/24 ipv6.address=none`;
  await drey`network set kept1 ipv4.address=198.18.52.1/24`;
  await drey`network rename kept1 kept2`;
  assertEquals(await addressOf("kept1"), "");
  assertMatch(await addressOf("kept2"), / 198\.18\.52\.1\/24/);
  Deno.kill(-holder(), "SIGKILL");
  await runChecked(["ip", "link", "delete", "kept0"]); // and kept2 is what a crash may leave
  await drey`list`;
  for (const [bridge, third] of [["kept0", 50], ["kept2", 52]] as const) {
    assertMatch(await addressOf(bridge), new RegExp(` 198\\.18\\.${third}\\.1/24`));
  }
  const refused = await drey.tries`network create lo ipv4.address=none ipv6.address=none`;
  assertMatch(refused.stderr, /already/);
  const tunnel = ["tunnel.t.protocol=vxlan", "tunnel.t.interface=absent0"];
  const broken = await drey.tries`network create kept3 ipv6.address=none ${tunnel}`;
  assertEquals(broken.code, 1);
  assertEquals((await drey.tries`network show kept3`).code, 1, "what cannot be brought up is not created");
  assertEquals(await addressOf("kept3"), "");
  assertEquals((await drey.tries`network set kept0 ${tunnel}`).code, 1);
  assertEquals(await drey`network get kept0 tunnel.t.protocol`, "\n", "and neither is it changed");
  await drey`network set kept0 bridge.external_interfaces=absent0 user.note=x`;
  await drey`network delete kept0`;
  assertEquals(await addressOf("kept0"), "");
  await drey`network delete kept2`;
  assertEquals(await findLeftovers(drey.directory), nothingLeft);
});
