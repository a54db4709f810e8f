import { assertEquals, assertMatch, assertStringIncludes } from "@std/testing";
import { driveWords, firmwareWords } from "./drives.ts";
import { guestAgent } from "./guest_agent.pl.ts";
import { seedFiles } from "./seed.ts";

Deno.test("driveWords() makes one controller, and names drives by their serial numbers", () => {
  const words = driveWords([
    {
      id: "root",
      serial: "lxd_root",
      image: { kind: "qcow2", path: "/guest/disk.1.qcow2", cache: "none" },
      bus: "virtio-scsi",
      bootIndex: 0,
    },
    {
      id: "drive0",
      serial: "lxd_a,b",
      image: { kind: "raw", path: "/drey/drive0", cache: "unsafe", isDisc: true },
      bus: "nvme",
    },
  ]);
  assertEquals(words.filter((word) => !word.startsWith("{")), [
    ...["-device", "virtio-scsi-pci,id=scsi"],
    ...["-blockdev", "-device", "scsi-hd,bus=scsi.0,drive=root,id=drive-root,serial=lxd_root,bootindex=0"],
    // a disc is one, whatever was asked for; a comma is written twice
    ...["-blockdev", "-device", "scsi-cd,bus=scsi.0,drive=drive0,id=drive-drive0,serial=lxd_a,,b"],
  ]);
  const [root, disc] = words.filter((word) => word.startsWith("{")).map((word) => JSON.parse(word));
  assertEquals([root.driver, root.cache.direct, root.file.filename], ["qcow2", true, "/guest/disk.1.qcow2"]);
  assertEquals([disc.driver, disc["read-only"], disc.cache["no-flush"]], ["raw", true, true]);
});

Deno.test("firmwareWords() keeps the variables of a firmware that verifies from everybody else", () => {
  const files = { kind: "firmware", code: "/code", variables: "/variables" } as const;
  assertMatch(firmwareWords({ ...files, isSecure: true }).join(" "), /property=secure,value=on/);
  assertEquals(firmwareWords({ ...files, isSecure: false }).length, 4);
});

Deno.test("seedFiles() brings the agent beside what the owner's vendor data say", () => {
  const facts = {
    instanceId: "i-1",
    hostname: "v1",
    agent: guestAgent(),
  };
  const plain = seedFiles(facts);
  assertEquals(Object.keys(plain), ["meta-data", "user-data", "vendor-data"]);
  assertEquals(JSON.parse(plain["meta-data"] ?? ""), { "instance-id": "i-1", "local-hostname": "v1" });
  assertMatch(plain["vendor-data"] ?? "", /^#cloud-boothook\n/);
  const both = seedFiles({ ...facts, vendorData: "#!/bin/sh\necho own\n" })["vendor-data"] ?? "";
  assertMatch(both, /^Content-Type: multipart\/mixed/);
  assertStringIncludes(both, "Content-Type: text/x-shellscript");
  assertStringIncludes(both, "Content-Type: text/cloud-boothook");
});
