import { assertEquals } from "@std/testing";
import { willWant } from "./early_root.ts";

const nowhere = { state: "/nonexistent/state", config: "/nonexistent/config" };

Deno.test("a root is begun for a delete in plain words", () => {
  for (
    const words of [["c1"], ["c1", "web-2"], ["-f", "c1"], ["c1", "--force", "-q"], ["--quiet", "c1", "c2"]]
  ) {
    assertEquals([words, willWant(["delete", ...words], nowhere)], [words, true]);
  }
});

Deno.test("no root is begun where a word may mean something else than an instance of this machine", () => {
  for (
    const words of [
      [],
      ["-f"],
      ["--help"],
      ["c1", "--help"],
      ["remote:c1"],
      ["c1", "remote:"],
      ["--project", "p1", "c1"],
      ["-i", "c1"],
      ["c1/s0"],
      ["-"],
      [""],
    ]
  ) assertEquals([words, willWant(["delete", ...words], nowhere)], [words, false]);
});

Deno.test("no root is begun where a server does the work, or remotes have been named", async () => {
  const directory = await Deno.makeTempDir({ prefix: "drey-early-" });
  const places = { state: `${directory}/state`, config: `${directory}/config` };
  try {
    for (const path of ["state/unix.socket", "config/config.yml"]) {
      await Deno.mkdir(`${directory}/state`, { recursive: true });
      await Deno.mkdir(`${directory}/config`, { recursive: true });
      assertEquals(willWant(["delete", "c1"], places), true);
      await Deno.writeTextFile(`${directory}/${path}`, "");
      assertEquals([path, willWant(["delete", "c1"], places)], [path, false]);
      await Deno.remove(`${directory}/${path}`);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
