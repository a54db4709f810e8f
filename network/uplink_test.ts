import { assertEquals, assertMatch } from "@std/testing";
import { parseSubnet } from "../config/address.ts";
import { chooseUplink, resolverAddress, uplinkArgs, uplinkSubnet } from "./uplink.ts";

const both = { slirp4netns: "/usr/bin/slirp4netns", pasta: "/usr/bin/pasta" };

Deno.test("chooseUplink() takes slirp4netns before pasta, and says what is missing with its cure", () => {
  assertEquals(chooseUplink({ tools: both, tun: "usable" }).tool, "slirp4netns");
  assertEquals(chooseUplink({ tools: { pasta: "/usr/bin/pasta" }, tun: "usable" }).tool, "pasta");
  const cures = [
    chooseUplink({ tools: {}, tun: "usable" }),
    chooseUplink({ tools: both, tun: "denied" }),
    chooseUplink({ tools: both, tun: "absent" }),
  ].map((choice) => "fix" in choice ? choice.fix : "");
  assertEquals(cures, ["apt-get install slirp4netns", "chmod 0666 /dev/net/tun", "modprobe tun"]);
});

Deno.test("uplinkSubnet() stays clear of what is in use", () => {
  const used = ["10.255.0.0/16", "172.16.0.0/12"].map((text) => parseSubnet(text)!);
  assertEquals(resolverAddress(uplinkSubnet(used)), "192.168.254.3");
});

Deno.test("uplinkArgs() keeps the host's loopback device from instances, whatever the tool", () => {
  const plan = { subnet: parseSubnet("10.255.254.0/24")!, hasIpv6: false };
  assertMatch(uplinkArgs("slirp4netns", plan).join(" "), /--disable-host-loopback/);
  assertMatch(uplinkArgs("pasta", plan).join(" "), /--no-map-gw .* -t none -u none -T none -U none/);
});
