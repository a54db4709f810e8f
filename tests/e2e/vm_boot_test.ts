// What a virtual machine with a disk of its own is brought up by: a BIOS that boots a disk of the host's, and the
// variables of UEFI.

import { assertEquals, assertMatch, assertStringIncludes } from "@std/testing";
import { join } from "@std/path";
import { missingTools } from "../../domain/host_packages.ts";
import { readIfThere } from "../../sys/present.ts";
import { runChecked } from "../../sys/run.ts";
import { bootSector } from "../support/boot_sector.ts";
import { type Drey, e2e } from "../support/drey.ts";
import { eventually } from "../support/eventually.ts";
import { serve } from "../support/server.ts";

const needs = ["userns", "subids", "overlay", "disk-machines"] as const;

const printed = async (drey: Drey): Promise<string> =>
  (await drey.tries`console v1 --show-log`).stdout.replaceAll("\r", "");

const secure = "SecureBootEnable-f0a30bc7-af08-4556-99c4-001009c93a44";
const own = "Own-8be4df61-93ca-11d2-aa0d-00e098032b8c";

/** What a TPM knows and what the firmware remembers is in a backup, and in what is made of that. */
async function keepsState(drey: Drey, hasTpm: boolean): Promise<void> {
  const state = async (name: string) => {
    const file = join(drey.directory, `${name}.tar`);
    await drey`export ${name} ${file} --compression none`;
    const entry = "backup/virtual-machine/tpm.tpm0/tpm2-00.permall";
    return {
      file,
      text: hasTpm ? await runChecked(["tar", "-xf", file, "--to-command=sha256sum", entry]) : "",
    };
  };
  await drey`config uefi set v1 ${own}=0a`;
  await drey`snapshot v1 one`;
  await drey`config uefi set v1 ${own}=0b`;
  const { file, text } = await state("v1");
  assertEquals(/^[0-9a-f]{64}/.test(text), hasTpm);
  await drey`import ${file} v2`;
  assertEquals(await drey`config uefi get v2 ${own}`, "0b\n");
  if (hasTpm) assertEquals((await state("v2")).text, text);
  await drey`restore v2 one`;
  assertEquals(await drey`config uefi get v2 ${own}`, "0a\n");
  await drey`delete v2`;
}

/** Who plays the TPM takes the machine along when it is killed. */
async function endsWithTpm(drey: Drey): Promise<void> {
  const [{ state: { pid: keeper } }] = JSON.parse(await drey`list v1 --format json`);
  const children = (readIfThere(`/proc/${keeper}/task/${keeper}/children`) ?? "").trim().split(" ");
  const swtpm = children.find((pid) => readIfThere(`/proc/${pid}/comm`) === "swtpm\n");
  Deno.kill(Number(swtpm), "SIGKILL");
  await eventually(
    "the machine is stopped",
    async () => JSON.parse(await drey`list v1 --format json`)[0].status === "Stopped",
  );
}

await e2e(
  "a BIOS boots from the disk that comes first, be it a file of the host's, and its bus and cache are as asked",
  { needs, images: [] },
  async (drey) => {
    const [first, second] = [join(drey.directory, "first.img"), join(drey.directory, "second.img")];
    await Deno.writeFile(first, bootSector("the first disk\n"), { mode: 0o600 });
    await Deno.writeFile(second, bootSector("the second disk\n"), { mode: 0o644 });
    await drey`init v1 --empty --vm -c security.csm=true -c limits.memory=256MiB -d root,size=64MiB`;
    const hasSwtpm = missingTools(["swtpm"]).length === 0;
    if (hasSwtpm) await drey`config device add v1 tpm0 tpm`;
    assertMatch((await drey.tries`start v1`).stderr, /security\.csm=true needs security\.secureboot=false/);
    await drey`config set v1 security.secureboot=false`;
    assertMatch((await drey.tries`config uefi show v1`).stderr, /it has a BIOS/);
    await drey`config device add v1 one disk source=${first} boot.priority=10 io.bus=nvme`;
    // what the user alone may open is closed to the machine's programs
    assertMatch((await drey.tries`start v1`).stderr, /chmod o\+rw .*first\.img/s);
    await Deno.chmod(first, 0o666);
    await drey`config device add v1 two disk source=${second} boot.priority=5 readonly=true io.bus=virtio-blk io.cache=unsafe`;
    await drey`start v1`;
    await eventually(
      "the first disk is booted",
      async () => (await printed(drey)).includes("the first disk\n"),
    );
    await drey`stop --force v1`;
    await drey`config device set v1 two boot.priority=11`;
    await drey`start v1`;
    await eventually("the other one is", async () => (await printed(drey)).includes("the second disk\n"));
    assertMatch(
      (await drey.tries`config device add v1 no disk source=${drey.directory}`).stderr,
      /lacks the key "path"/,
    );
    if (hasSwtpm) await endsWithTpm(drey);
    else await drey`stop --force v1`;
    await drey`config unset v1 security.csm`;
    await keepsState(drey, hasSwtpm);
    await drey`delete v1`;
  },
);

await e2e(
  "the variables of UEFI are shown and changed, and go along with copies and snapshots",
  { needs: [...needs, "lxc", "user"], images: [] },
  async (drey) => {
    await drey`init v1 --empty --vm`;
    // what the firmware begins with
    assertEquals(await drey`config uefi get v1 ${secure}`, "01\n");
    await drey`config uefi set v1 ${secure}=00 ${own}=0a0b`;
    assertEquals(await drey`config uefi get v1 ${own}`, "0a0b\n");
    await drey`snapshot v1 one`;
    await drey`config uefi unset v1 ${own}`;
    assertMatch((await drey.tries`config uefi get v1 ${own}`).stderr, /has no variable/);
    assertMatch((await drey.tries`config uefi set v1 short=00`).stderr, /ends in its vendor's UUID/);
    assertMatch((await drey.tries`config uefi set v1 ${own}=0`).stderr, /pairs of hexadecimal digits/);
    await drey`restore v1 one`;
    assertEquals(await drey`config uefi get v1 ${own}`, "0a0b\n");
    await drey`copy v1 v2`;
    assertEquals(await drey`config uefi get v2 ${secure}`, "00\n");
    const shown = await drey`config uefi show v1`;
    assertStringIncludes(shown, "attr: 7");
    const edited = shown.replaceAll("0a0b", "0c");
    const editor = drey.spawn(["config", "uefi", "edit", "v1"], { stdin: "piped" });
    await new Blob([edited]).stream().pipeTo(editor.stdin);
    assertEquals((await editor.status).code, 0);
    assertEquals(await drey`config uefi get v1 ${own}`, "0c\n");

    await using server = await serve(drey);
    const path = "/1.0/instances/v1/uefi-vars";
    const { variables } = JSON.parse(await server.lxc("query", path));
    assertEquals(variables[own], { data: "0c", attr: 7 });
    await server.lxc(
      "query",
      "-X",
      "PUT",
      "-d",
      JSON.stringify({ variables: { [own]: { data: "0d" } } }),
      path,
    );
    assertEquals(Object.keys(JSON.parse(await server.lxc("query", path)).variables), [own]);
  },
);
