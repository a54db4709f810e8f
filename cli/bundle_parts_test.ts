import { assert, assertEquals } from "@std/testing";
import { keepParts } from "./bundle_parts.ts";

const text = "var a = 1;\nvar b = 2;\nvar c = 3;";
const plan = {
  places: [["h", -1, 0, 10], ["b", 0, 11, 21], ["l", 1, 22, 32]],
  imports: [[], []],
  parts: { list: "111", exec: "101" },
  words: [],
};
const bundle = `#!/bin/sh\n':' //; exec it, abc\n${text}\n//${JSON.stringify(plan)}\n`;

async function inDirectory(
  test: (directory: string, program: string) => void | Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "drey-parts-" });
  try {
    const program = `${directory}/drey.js`;
    await Deno.writeTextFile(program, bundle);
    await test(directory, program);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const namesIn = (directory: string) => [...Deno.readDirSync(directory)].map(({ name }) => name).toSorted();

Deno.test("keepParts() writes a program for each command, and nothing beside them", () =>
  inDirectory((directory, program) => {
    keepParts(program, `${directory}/cache/drey/abc`, "list");
    assertEquals(namesIn(`${directory}/cache/drey`), ["abc"]);
    assertEquals(namesIn(`${directory}/cache/drey/abc`), ["exec.mjs", "list.mjs", "whole.js"]);
    const exec = Deno.readTextFileSync(`${directory}/cache/drey/abc/exec.mjs`);
    assert(exec.endsWith("\nvar a = 1;\nvar c = 3;\n"), exec);
  }));

Deno.test("keepParts() leaves parts alone that a command can begin with, and makes anew what lacks one", () =>
  inDirectory((directory, program) => {
    const parts = `${directory}/cache/abc`;
    keepParts(program, parts, "list");
    Deno.writeTextFileSync(`${parts}/list.mjs`, "in use");
    keepParts(program, parts, "list");
    assertEquals(Deno.readTextFileSync(`${parts}/list.mjs`), "in use");
    Deno.removeSync(`${parts}/whole.js`);
    keepParts(program, parts, "list");
    assert(Deno.readTextFileSync(`${parts}/list.mjs`) !== "in use");
    assertEquals(namesIn(`${directory}/cache`), ["abc"]);
  }));

Deno.test("keepParts() does without where nothing can be written", () =>
  inDirectory((directory, program) => {
    Deno.writeTextFileSync(`${directory}/file`, "");
    keepParts(program, `${directory}/file/drey/abc`, "list");
    keepParts(program, "/proc/self/drey/abc", "list");
    keepParts(program, "relative/abc", "list");
    assertEquals(namesIn(directory), ["drey.js", "file"]);
  }));

Deno.test("keepParts() makes nothing of a bundle that has been replaced, or half of it", () =>
  inDirectory((directory, program) => {
    keepParts(program, `${directory}/cache/another`, "list");
    Deno.writeTextFileSync(program, bundle.slice(0, -20));
    keepParts(program, `${directory}/cache/abc`, "list");
    assertEquals(namesIn(directory), ["drey.js"]);
  }));

Deno.test("keepParts() removes what other bundles left a month ago", () =>
  inDirectory((directory, program) => {
    const long = new Date(Date.now() - 31 * 24 * 60 * 60 * 1000);
    for (const name of ["old", "new"]) Deno.mkdirSync(`${directory}/cache/${name}`, { recursive: true });
    Deno.utimeSync(`${directory}/cache/old`, long, long);
    keepParts(program, `${directory}/cache/abc`, "list");
    assertEquals(namesIn(`${directory}/cache`), ["abc", "new"]);
  }));

Deno.test("keepParts() leaves alone what a command runs as, however old", () =>
  inDirectory(async (directory, program) => {
    const long = new Date(Date.now() - 31 * 24 * 60 * 60 * 1000);
    Deno.mkdirSync(`${directory}/cache/old`, { recursive: true });
    Deno.writeTextFileSync(`${directory}/cache/old/exec.mjs`, "read line");
    Deno.utimeSync(`${directory}/cache/old`, long, long);
    const command = new Deno.Command("sh", {
      args: [`${directory}/cache/old/exec.mjs`],
      stdin: "piped",
    }).spawn();
    keepParts(program, `${directory}/cache/abc`, "list");
    assertEquals(namesIn(`${directory}/cache`), ["abc", "old"]);
    await command.stdin.close();
    await command.status;
  }));
