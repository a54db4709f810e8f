import { assert, assertEquals, assertThrows } from "@std/testing";
import { dirname, join } from "@std/path";
import { signals } from "../../sys/processes.ts";
import { chooseInit, findInit, startable } from "./init.ts";

/** Layers from the top; a value that begins with `->` is a link. */
async function withLayers(
  trees: readonly Record<string, string>[],
  test: (layers: string[]) => void,
): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    const layers = trees.map((_, index) => join(root, String(index)));
    for (const [index, tree] of trees.entries()) {
      for (const [name, text] of Object.entries(tree)) {
        const path = join(layers[index]!, name);
        await Deno.mkdir(dirname(path), { recursive: true });
        if (text.startsWith("->")) await Deno.symlink(text.slice(2), path);
        else await Deno.writeTextFile(path, text);
      }
    }
    test(layers);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const merged = { "usr/sbin/init": "->../lib/systemd/systemd", "usr/lib/systemd/systemd": "ELF" };

Deno.test("findInit() follows links inside the layers to what init is", async () => {
  await withLayers([{}, { ...merged, "sbin": "->usr/sbin", "lib": "->usr/lib" }], (layers) => {
    assertEquals(findInit(layers), "systemd");
  });
  await withLayers([{ "sbin/init": "->/bin/busybox", "bin/busybox": "ELF" }], (layers) => {
    assertEquals(findInit(layers), "busybox");
  });
  await withLayers([{ "sbin/init": "#!/bin/sh" }], (layers) => assertEquals(findInit(layers), "other"));
});

Deno.test("findInit() takes what the upper layer says over the lower one", async () => {
  await withLayers([{ "usr/sbin/init": "#!/bin/sh" }, { ...merged, "sbin": "->usr/sbin" }], (layers) => {
    assertEquals(findInit(layers), "other");
  });
});

Deno.test("findInit() finds none where a link leads out, in circles or nowhere", async () => {
  await withLayers([{ "sbin/init": "->/etc/passwd" }], (layers) => assertEquals(findInit(layers), "nothing"));
  await withLayers([{ "sbin/init": "->../../../../etc/passwd" }], (layers) => {
    assertEquals(findInit(layers), "nothing");
  });
  await withLayers([{ "sbin/init": "->/sbin/init" }], (layers) => assertEquals(findInit(layers), "other"));
  await withLayers([{}], (layers) => assertEquals(findInit(layers), "nothing"));
});

Deno.test("a root with no program to begin with is told from one whose shell can stand in", async () => {
  await withLayers([{ "etc/hostname": "c1" }], (layers) => {
    assertEquals(findInit(layers), "nothing");
    const init = chooseInit(findInit(layers), true);
    assertThrows(() => startable({ init }), Error, "neither /sbin/init nor /bin/sh");
  });
  await withLayers([{ "etc/hostname": "c1" }, { bin: "->usr/bin", "usr/bin/sh": "ELF" }], (layers) => {
    assertEquals(findInit(layers), "none");
  });
});

Deno.test("every init is asked to power off by the signal it knows", () => {
  const signal = (kind: "systemd" | "busybox" | "other") => chooseInit(kind, true).haltSignal;
  assertEquals([signal("systemd"), signal("busybox"), signal("other")], [
    signals.RTMIN_3,
    signals.USR2,
    signals.PWR,
  ]);
});

Deno.test("a shell stands in for an init that cannot run, and drey says so", () => {
  for (const choice of [chooseInit("systemd", false), chooseInit("none", true)]) {
    assertEquals(choice.argv[0], "/bin/sh");
    assert(choice.warning !== undefined);
  }
  assertEquals(chooseInit("other", false), { argv: ["/sbin/init"], haltSignal: signals.PWR });
});
