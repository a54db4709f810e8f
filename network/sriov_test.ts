import { assertEquals } from "@std/testing";
import { join } from "@std/path";
import { freeFunction, functionLines, functionSettings, hasFunctions, switchOnFunctions } from "./sriov.ts";

/** A sysfs with a card "pf0" of four functions; each name is that of a function's interface, with its flags. */
async function sysfsWith(functions: readonly [name: string, flags: string][]): Promise<string> {
  const sysfs = await Deno.makeTempDir();
  const file = async (path: string, text: string) => {
    await Deno.mkdir(join(sysfs, path, ".."), { recursive: true });
    await Deno.writeTextFile(join(sysfs, path), text);
  };
  const device = "class/net/pf0/device";
  await file(`${device}/sriov_totalvfs`, "4\n");
  await file(`${device}/sriov_numvfs`, `${functions.length}\n`);
  for (const [index, [name, flags]] of functions.entries()) {
    await Deno.mkdir(join(sysfs, device, `virtfn${index}/net/${name}`), { recursive: true });
    await file(`class/net/${name}/flags`, flags);
  }
  return sysfs;
}

Deno.test("the lowest function that is neither up nor somebody's is free", async () => {
  const sysfs = await sysfsWith([["v0", "0x1003\n"], ["v1", "0x1002\n"], ["v2", "0x1002\n"]]);
  assertEquals(freeFunction("pf0", [], sysfs), { index: 1, interface: "v1" });
  assertEquals(freeFunction("pf0", ["v1"], sysfs), { index: 2, interface: "v2" });
  assertEquals(freeFunction("pf0", ["v1", "v2"], sysfs), undefined);
  await Deno.remove(sysfs, { recursive: true });
});

Deno.test("functions are switched on only where none are, for those that are would end", async () => {
  const numbers = async (functions: Parameters<typeof sysfsWith>[0]) => {
    const sysfs = await sysfsWith(functions);
    switchOnFunctions("pf0", sysfs);
    const said = await Deno.readTextFile(`${sysfs}/class/net/pf0/device/sriov_numvfs`);
    assertEquals([hasFunctions("pf0", sysfs), hasFunctions("other", sysfs)], [true, false]);
    await Deno.remove(sysfs, { recursive: true });
    return said.trim();
  };
  assertEquals(await numbers([]), "4");
  assertEquals(await numbers([["v0", "0x1002\n"]]), "1");
});

Deno.test("a card is told of a function, and afterwards what it said before", () => {
  const said = JSON.stringify([{
    ifname: "pf0",
    vfinfo_list: [{ vf: 0 }, {
      vf: 1,
      address: "00:00:00:00:00:00",
      vlan_list: [{ vlan: 7 }],
      spoofchk: true,
    }],
  }]);
  const before = functionSettings("pf0", 1, said);
  assertEquals(before, { card: "pf0", index: 1, hwaddr: "00:00:00:00:00:00", vlan: 7, isChecked: true });
  assertEquals(functionSettings("pf0", 5, said), undefined);
  assertEquals(functionLines({ ...before!, hwaddr: "00:16:3e:00:00:01" }), [
    "ip link set pf0 vf 1 vlan 7",
    "ip link set pf0 vf 1 mac 00:16:3e:00:00:01",
    "ip link set pf0 vf 1 spoofchk on",
  ]);
});
