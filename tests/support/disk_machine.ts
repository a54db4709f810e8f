// Machines with a disk of their own for tests: the image, and how to run something in one.

import { join } from "@std/path";
import { runChecked } from "../../sys/run.ts";
import { makeDiskImage } from "./disk_image.ts";
import type { Drey } from "./drey.ts";
import { lendKernel } from "./machines.ts";

/** Gives a drey an image of a virtual machine, `tinydisk`. */
export async function importDisk(drey: Drey): Promise<void> {
  await lendKernel(drey);
  const disk = await makeDiskImage(join(drey.directory, ".."), join(drey.directory, "machines"));
  const metadata = join(drey.directory, "metadata.yaml");
  await Deno.writeTextFile(
    metadata,
    `architecture: x86_64\ncreation_date: 1700000000\nproperties:\n  os: Tiny\n  requirements.secureboot: "false"\n` +
      `templates:\n  /etc/hostname:\n    when: [start]\n    template: name.tpl\n` +
      `  /etc/made:\n    when: [start]\n    create_only: true\n    template: name.tpl\n`,
  );
  await Deno.mkdir(join(drey.directory, "templates"));
  await Deno.writeTextFile(join(drey.directory, "templates", "name.tpl"), "{{ container.name }}\n");
  const parts = ["metadata.yaml", "templates"];
  await runChecked(["tar", "-cJf", `${metadata}.tar.xz`, "-C", drey.directory, ...parts]);
  await drey`image import ${`${metadata}.tar.xz`} ${disk} --alias tinydisk`;
}

/** argv of a program in the guest, which has nothing but Perl. */
export const perl = (program: string): string[] => ["/usr/bin/perl", "-e", program];
