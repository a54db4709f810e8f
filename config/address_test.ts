import { assertEquals } from "@std/testing";
import {
  contains,
  formatAddress,
  formatSubnet,
  isHardwareAddress,
  networkOf,
  overlaps,
  parseAddress,
  parseSubnet,
  slaacAddress,
} from "./address.ts";

const again = (text: string) => {
  const address = parseAddress(text);
  return address === undefined ? undefined : formatAddress(address);
};

Deno.test("addresses are read and written as RFC 5952 asks", () => {
  for (const text of ["10.0.0.1", "255.255.255.255", "::", "::1", "fd42::1", "2001:db8::1:0:0:1"]) {
    assertEquals(again(text), text);
  }
  assertEquals(again("FD42:0:0:0:0:0:0:1"), "fd42::1");
  assertEquals(again("::ffff:10.0.0.1"), "::ffff:a00:1");
  for (const wrong of ["", "10.0.0", "10.0.0.256", "010.0.0.1", "1::2::3", ":1", "1:2:3:4:5:6:7", "g::"]) {
    assertEquals(again(wrong), undefined, wrong);
  }
});

Deno.test("a subnet keeps the host's own address, and knows its network", () => {
  const subnet = parseSubnet("10.1.2.3/24")!;
  assertEquals(formatSubnet(subnet), "10.1.2.3/24");
  assertEquals(formatSubnet(networkOf(subnet)), "10.1.2.0/24");
  assertEquals(contains(subnet, parseAddress("10.1.2.255")!), true);
  assertEquals(contains(subnet, parseAddress("10.1.3.0")!), false);
  assertEquals(contains(subnet, parseAddress("::1")!), false);
  for (const wrong of ["10.0.0.1", "10.0.0.1/33", "fd42::/129", "/24"]) {
    assertEquals(parseSubnet(wrong), undefined, wrong);
  }
});

Deno.test("subnets overlap when one holds the other", () => {
  const both = (a: string, b: string) => overlaps(parseSubnet(a)!, parseSubnet(b)!);
  assertEquals(both("10.0.0.0/8", "10.5.0.1/24"), true);
  assertEquals(both("10.5.0.1/24", "10.0.0.0/8"), true);
  assertEquals(both("10.5.0.0/24", "10.5.1.0/24"), false);
  assertEquals(both("10.0.0.0/8", "fd42::/64"), false);
});

Deno.test("a MAC address gives the address a host takes by itself", () => {
  const address = slaacAddress(parseSubnet("fd42:1::1/64")!, "00:16:3e:12:34:56");
  assertEquals(formatAddress(address), "fd42:1::216:3eff:fe12:3456");
  assertEquals(["00:16:3e:00:00:01", "01:00:5e:00:00:01", "00:00:00:00:00:00", "x"].map(isHardwareAddress), [
    true,
    false,
    false,
    false,
  ]);
});
