import { assertEquals } from "@std/testing";
import { clientIdentity } from "./identity.ts";
import { changeRemotes, readRemotes } from "./remotes_file.ts";

async function inDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "drey-client-" });
  try {
    await work(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("clientIdentity() makes one pair, however many ask for it at once", () =>
  inDirectory(async (directory) => {
    let made = 0;
    const pairs = await Promise.all([1, 2, 3].map(() => clientIdentity(directory, () => made++)));
    const kept = await clientIdentity(directory);
    assertEquals(pairs, [kept, kept, kept]);
    assertEquals(made, 1);
  }));

Deno.test("changeRemotes() loses no change of those that are made at once", () =>
  inDirectory(async (directory) => {
    const names = ["a", "b", "c"];
    await Promise.all(names.map((name) =>
      changeRemotes(directory, (file) => {
        file.remotes = { ...file.remotes, [name]: { addr: "https://x", protocol: "lxd", public: true } };
      })
    ));
    const { list } = await readRemotes(directory);
    assertEquals(list.filter(({ isStatic }) => !isStatic).map(({ name }) => name).toSorted(), names);
  }));
