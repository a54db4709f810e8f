import { assertEquals } from "@std/testing";
import { join } from "@std/path";
import { run } from "../sys/run.ts";
import { callNumbers } from "./call_numbers.ts";
import { formatSteps } from "./step_words.ts";
import type { Step } from "./steps.ts";
import { walkerFor } from "./walker.pl.ts";

const walk = (steps: Step[], env?: Record<string, string>) =>
  run(["perl", "-e", walkerFor(steps), formatSteps(steps)], env === undefined ? {} : { env });

Deno.test("both architectures have a number for every call", () => {
  assertEquals(Object.keys(callNumbers("aarch64")).sort(), Object.keys(callNumbers("x86_64")).sort());
});

Deno.test("formatSteps() keeps one step a line whatever its words hold", () => {
  const steps: Step[] = [{ do: "hostname", name: "" }, { do: "mkdir", path: "/a\tb\nc%d" }];
  const [, ...lines] = formatSteps(steps).trimEnd().split("\n");
  assertEquals(lines, ["hostname\t", "mkdir\t/a%09b%0ac%25d"]);
});

Deno.test("formatSteps() adds up the flags of a mount and of namespaces", () => {
  const [, mount, unshare] = formatSteps([
    { do: "mount", type: "tmpfs", source: "t", target: "/x", flags: ["nosuid", "nodev", "noexec"] },
    { do: "unshare", kinds: ["mnt", "net"] },
  ]).split("\n");
  assertEquals(mount, "mount\t0\tt\t/x\ttmpfs\t14\t");
  assertEquals(unshare, `unshare\t${0x20000 | 0x40000000}`);
});

Deno.test("the walker reads words back as they were", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const odd = join(directory, "tab\tline\n100% é");
    const { code, stderr } = await walk([
      { do: "mkdir", path: odd },
      { do: "write", path: join(odd, "file"), text: "a\tb\n%41" },
      { do: "symlink", path: join(odd, "link"), target: "to\tthere" },
      { do: "mkdir", path: odd },
    ]);
    assertEquals([code, stderr], [0, ""]);
    assertEquals(await Deno.readTextFile(join(odd, "file")), "a\tb\n%41");
    assertEquals(await Deno.readLink(join(odd, "link")), "to\tthere");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("the walker stops at the first step that fails and says which", async () => {
  const { code, stderr } = await walk([
    { do: "chdir", path: "/no/such/place" },
    { do: "run", argv: ["echo", "never"] },
  ]);
  assertEquals([code, stderr], [
    125,
    'Cannot change to directory "/no/such/place": No such file or directory\n',
  ]);
});

/** A walker that reads its steps from a pipe, in the parts in which they are given. */
const walkParts = (parts: Step[][]) => {
  const script = `printf %s "$1"; [ -z "$4" ] || sleep 0.05; printf %s "$2"`;
  const texts = [0, 1].map((at) => parts[at] === undefined ? "" : formatSteps(parts[at]));
  const walker = walkerFor(parts.flat());
  const pause = parts.length > 2 ? "pause" : "";
  return run(["sh", "-c", `{ ${script}; } | perl -e "$3" /dev/stdin`, "sh", ...texts, walker, pause]);
};

Deno.test("the walker goes on with what is sent later, be it there already or not", async () => {
  const parts: Step[][] = [
    [{ do: "chdir", path: "/proc" }, { do: "more" }],
    [{ do: "environment", env: { A: "more\n" } }, { do: "run", argv: ["sh", "-c", 'echo "$PWD $A"'] }],
  ];
  for (const sent of [parts, [...parts, []]]) {
    const { code, stdout, stderr } = await walkParts(sent);
    assertEquals([code, stdout, stderr], [0, "/proc more\n\n", ""]);
  }
});

Deno.test("the walker ends where nothing more is sent", async () => {
  assertEquals((await walkParts([[{ do: "chdir", path: "/proc" }, { do: "more" }]])).code, 125);
  assertEquals((await walkParts([])).code, 125);
});

Deno.test("the walker becomes a program, with the status a shell gives where it cannot", async () => {
  const program = async (argv: string[]) => {
    const { code, stdout } = await walk([{ do: "chdir", path: "/" }, { do: "run", argv }], {
      PATH: "/usr/bin:/bin",
      WORD: "kept",
    });
    return [code, stdout];
  };
  assertEquals(await program(["sh", "-c", 'echo "$WORD"; exit 7']), [7, "kept\n"]);
  assertEquals(await program(["no-such-program"]), [127, ""]);
  assertEquals(await program(["/etc/passwd"]), [126, ""]);
});

Deno.test("the walker waits for a child it has forked and ends as that does", async () => {
  const fork = { do: "fork", cgroup: undefined } as const;
  assertEquals((await walk([fork, { do: "run", argv: ["sh", "-c", "exit 9"] }])).code, 9);
  assertEquals((await walk([fork, { do: "run", argv: ["sh", "-c", "kill -9 $$"] }])).code, 137);
});
