import { assertEquals, assertRejects } from "@std/testing";
import { join } from "@std/path";
import { runChecked } from "../sys/run.ts";
import { DreyError } from "../errors.ts";
import { tarBody, tarEnd } from "./tar_join.ts";

/** Two tarballs of one file each, the second with long names, holes and attributes of its own. */
async function makeTars(directory: string): Promise<string[]> {
  const long = `${"d".repeat(90)}/${"f".repeat(90)}`;
  const script = `cd "$1"; mkdir -p "${long.split("/")[0]}"; echo one >a; echo two >"${long}"
    truncate -s 3M "${long}"; ln a b
    tar --owner=820896 --group=821896 -cf 1.tar a b; tar --format=posix --sparse --owner=0 --group=0 -cf 2.tar "${long}"`;
  await runChecked(["sh", "-euc", script, "sh", directory]);
  return ["1.tar", "2.tar"].map((name) => join(directory, name));
}

async function writeJoined(path: string, parts: AsyncIterable<Uint8Array>[]): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true });
  for (const part of parts) for await (const bytes of part) await file.write(bytes);
  await file.write(tarEnd);
}

Deno.test("tarballs become one, and owners others on the way", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const [one = "", two = ""] = await makeTars(directory);
    const open = async (path: string) => (await Deno.open(path)).readable;
    const joined = join(directory, "joined.tar");
    const less = (_: "uids" | "gids", id: number) => id - 820_896;
    await writeJoined(joined, [tarBody(await open(one), less), tarBody(await open(two))]);
    const lines = (await runChecked(["tar", "--numeric-owner", "-tvf", joined])).trim().split("\n");
    assertEquals(lines.map((line) => line.split(/\s+/)[1]), ["0/1000", "0/1000", "0/0"]);
    assertEquals(lines.map((line) => line.split(/\s+/)[2]), ["4", "0", "3145728"]);
    const out = join(directory, "out");
    await Deno.mkdir(out);
    await runChecked(["tar", "-C", out, "-xf", joined, "--no-same-owner"]);
    assertEquals(await Deno.readTextFile(join(out, "b")), "one\n");
    const cut = (await Deno.readFile(one)).slice(0, 700);
    const read = async () => {
      for await (const _ of tarBody(new Blob([cut]).stream()));
    };
    assertEquals((await assertRejects(read, DreyError)).code, "IMAGE_INVALID");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
