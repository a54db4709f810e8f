import { assert, assertEquals } from "@std/testing";
import { run } from "../sys/run.ts";
import { parseSquashfsLine, sifting } from "./squashfs.ts";

Deno.test("parseSquashfsLine() tells devices, links and names with blanks", () => {
  assertEquals(parseSquashfsLine("crw-rw-rw- 0/0             1,  3 2026-11-20 20:48 /dev/null"), {
    name: "dev/null",
    type: "char",
    target: "",
    size: 0,
  });
  assertEquals(parseSquashfsLine("lrwxrwxrwx 0/0       7 2026-11-20 20:47 /a b -> c d")?.target, "c d");
  assertEquals(
    parseSquashfsLine("-rw-r--r-- 0/0 3040 2023-05-25 15:54 /etc/adduser.conf")?.name,
    "etc/adduser.conf",
  );
  assert(parseSquashfsLine("Parallel unsquashfs: Using 2 processors") === undefined);
});

/** What is left of a listing for drey to judge. */
async function sifted(entries: readonly string[]): Promise<string[]> {
  const listing = entries.map((entry) => {
    const [mode = "", size = "", ...name] = entry.split(" ");
    return `${mode} 0/0 ${size.padStart(24)} 2026-01-02 03:04 ${name.join(" ")}\n`;
  }).join("");
  const script = `use strict; open my $listing, '<&', *STDIN; ${sifting}`;
  const { stdout, stderr } = await run(["perl", "-e", script], { stdin: listing });
  assertEquals(stderr, "");
  return stdout.trimEnd().split("\n").map((line) => line.replace(/ .* \d\d:\d\d /, " "));
}

const [d, f, l, c] = ["drwxr-xr-x 3", "-rw-r--r-- 9", "lrwxrwxrwx 7", "crw-r--r-- 1,3"];

Deno.test("a listing is passed over as long as it is a plain tree", async () => {
  const tree = [`${d} /etc`, `${f} /etc/x y`, `${l} /etc/l -> /a -> b`, `${d} /etc/z`, `${f} /etc/z/f`];
  assertEquals(await sifted(tree), ["+18"]);
  const top = "drwxr-xr-x ";
  assertEquals(await sifted([`${d} `, ...tree]), [top, "+18"]);
});

Deno.test("drey is told what it would refuse in a listing, and the links that were before it", async () => {
  const link = "lrwxrwxrwx /l -> /root";
  const file = (name: string) => [link, `-rw-r--r-- ${name}`, "+0"];
  for (const name of ["/l/x", "/nowhere/x", "/..", "/.", "/l/../x", "//x"]) {
    assertEquals(await sifted([`${l} /l -> /root`, `${f} ${name}`]), file(name), name);
  }
  // a name twice: as a link and as a directory, in either order
  assertEquals(await sifted([`${l} /l -> /root`, `${d} /l`, `${f} /l/x`]), file("/l/x"));
  assertEquals(await sifted([`${d} /l`, `${f} /l/a`, `${l} /l -> /root`, `${f} /l/x`]), [
    link,
    "-rw-r--r-- /l/x",
    "+9",
  ]);
  assertEquals(await sifted([`${d} /usr`, `${c} /usr/node`]), ["crw-r--r-- /usr/node", "+0"]);
});

Deno.test("drey hears of bytes while a listing goes on", async () => {
  const large = `-rw-r--r-- ${2 ** 29} /x`;
  assertEquals(await sifted([large, `${c} /null`, large]), [
    `+${2 ** 29}`,
    "crw-r--r-- /null",
    `+${2 ** 29}`,
    "+0",
  ]);
});
