// The library as docs/library.md shows it: its examples are run, one after the other, by a program of its own.

import { fromFileUrl, join } from "@std/path";
import { assertEquals, assertMatch } from "@std/testing";
import { run } from "../../sys/run.ts";
import { e2e } from "../support/drey.ts";

const root = fromFileUrl(new URL("../../", import.meta.url));

/** The examples of the page as one program, with the image that is there. */
async function examples(): Promise<string> {
  const page = await Deno.readTextFile(join(root, "docs/library.md"));
  const blocks = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, block = ""]) => block);
  const imported = /^import \{ (.*) \} from "@drey\/drey";$/gm;
  const names = new Set(
    blocks.flatMap((block) => [...block.matchAll(imported)]).flatMap(([, list = ""]) => list.split(", ")),
  );
  const bodies = blocks.map((block) => `{\n${block.replaceAll(imported, "")}}\n`).join("");
  const library = JSON.stringify(new URL("../../mod.ts", import.meta.url));
  return `import { ${[...names].join(", ")} } from ${library};\n` +
    bodies.replace(`protocol: "debian", alias: "12"`, `alias: "tiny"`);
}

await e2e(
  "the examples of docs/library.md do what they say",
  { needs: ["userns", "subids"] },
  async (drey) => {
    const program = join(drey.directory, "examples.ts");
    await Deno.writeTextFile(program, await examples());
    const { code, stdout, stderr } = await run(
      [Deno.execPath(), "run", "-A", "--quiet", "--config", join(root, "deno.json"), program],
      { cwd: drey.directory, env: { ...drey.environment } },
    );
    assertEquals({ code, stderr }, { code: 0, stderr: "done\n" });
    assertMatch(stdout, /^0 web\n/);
    assertMatch(stdout, /^instance-stopped \/1\.0\/instances\/web$/m);
    assertMatch(stdout, /^not there$/m);
    assertEquals(await Deno.readTextFile(join(drey.directory, "web.log")), "to be read\n");
    assertEquals(await drey`config get web user.owner`, "me\n");
    await drey`delete web`;
  },
);

await e2e(
  "a program runs commands in several instances at once, each where it was meant to",
  { needs: ["userns", "subids"] },
  async (drey) => {
    for (const name of ["c1", "c2"]) await drey`launch tiny ${name}`;
    const program = join(drey.directory, "several.ts");
    const library = JSON.stringify(new URL("../../mod.ts", import.meta.url));
    await Deno.writeTextFile(
      program,
      `import { capture, connect } from ${library};
for (let round = 0; round < 5; round++) {
  await using drey = await connect();
  const names = ["c1", "c2", "c1", "c2"];
  const told = await Promise.all(names.map((name) => capture(drey, { name, post: { command: ["hostname"] } })));
  console.log(told.map(({ stdout }) => stdout.trim()).join(" "));
}
`,
    );
    const argv = [Deno.execPath(), "run", "-A", "--quiet", "--config", join(root, "deno.json"), program];
    const { stdout, stderr } = await run(argv, { cwd: drey.directory, env: { ...drey.environment } });
    assertEquals({ stdout, stderr }, { stdout: "c1 c2 c1 c2\n".repeat(5), stderr: "" });
    await drey`delete --force c1 c2`;
  },
);
