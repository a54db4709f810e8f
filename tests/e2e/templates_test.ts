// Templates of images, filled in as LXD does.

import { assertEquals } from "@std/testing";
import { runChecked } from "../../sys/run.ts";
import { type Drey, e2e, imageFiles } from "../support/drey.ts";

const metadata = `architecture: ${Deno.build.arch}
creation_date: 1700000000
properties: {os: Tiny}
templates:
  /etc/hostname: {when: [create, copy, rename], template: hostname.tpl}
  /etc/started: {when: [start], template: started.tpl, properties: {default: nothing}}
  /etc/once/deep: {when: [start], template: started.tpl, create_only: true, properties: {default: first}}
  /etc/link/x: {when: [create], template: hostname.tpl}
`;

/** The image `tiny` with templates, and a link that leads out of it. */
async function importTemplates(drey: Drey): Promise<void> {
  const [tiny = ""] = await imageFiles("tiny");
  const work = `${drey.directory}/work`;
  await Deno.mkdir(`${work}/templates`, { recursive: true });
  await Deno.writeTextFile(`${work}/templates/hostname.tpl`, "{{ instance.name }}\n");
  await Deno.writeTextFile(
    `${work}/templates/started.tpl`,
    '{{ trigger }} {{ config_get("user.word", properties.default) }}\n',
  );
  const script = `tar -xf "$1"; printf '%s' "$2" >metadata.yaml; ln -s /tmp rootfs/etc/link
    tar -czf image.tar.gz --owner=0 --group=0 metadata.yaml templates rootfs`;
  await runChecked(["sh", "-ec", script, "sh", tiny, metadata], { cwd: work });
  await drey`image import ${`${work}/image.tar.gz`} --alias templated`;
}

await e2e(
  "templates are filled in when their time has come",
  { needs: ["userns", "subids", "overlay"], images: [] },
  async (drey) => {
    await importTemplates(drey);
    await drey`launch templated c1 --config user.word=one`;
    const read = (name: string, path: string) => drey`exec ${name} -- cat ${path}`;
    assertEquals(await read("c1", "/etc/hostname"), "c1\n");
    assertEquals(await read("c1", "/etc/started"), "start one\n");
    assertEquals(await read("c1", "/etc/once/deep"), "start one\n");
    // the kernel resolves the path inside
    assertEquals(await read("c1", "/tmp/x"), "c1\n");
    await drey`exec c1 -- sh -c ${["echo changed >/etc/hostname"]}`;
    await drey`config set c1 user.word=two`;
    await drey`restart c1`;
    assertEquals(await read("c1", "/etc/hostname"), "changed\n");
    assertEquals(await read("c1", "/etc/started"), "start two\n");
    assertEquals(await read("c1", "/etc/once/deep"), "start one\n");
    await drey`stop c1`;
    await drey`rename c1 c2`;
    await drey`start c2`;
    assertEquals(await read("c2", "/etc/hostname"), "c2\n");
  },
);
