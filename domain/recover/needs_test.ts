import { assertEquals } from "@std/testing";
import { join } from "@std/path";
import { temporaryContext } from "../../tests/support/temporary_context.ts";
import { imagesDirectory, lowersDirectory } from "../images/directories.ts";
import type { LostInstance } from "./lost.ts";
import { missingFor } from "./needs.ts";
import type { Searched } from "./pools.ts";

Deno.test("an image that is neither here nor unpacked is missing, whatever the map it is wanted under", async () => {
  await using context = await temporaryContext();
  const fingerprint = "ab".repeat(32);
  const id = `${fingerprint}-u100000-65536`;
  const lost = {
    type: "container",
    ref: { project: "default", name: "c1" },
    record: { profiles: [], devices: {} },
    images: [id],
  } as unknown as LostInstance;
  const pool = { name: "default", driver: { needsImages: true } } as unknown as Searched;
  const missing = () => missingFor(context, [{ lost, pool }], [pool]);
  assertEquals(await missing(), [`Image "${fingerprint}"`]);
  const file = join(imagesDirectory(context), fingerprint);
  await Deno.mkdir(imagesDirectory(context), { recursive: true });
  await Deno.writeTextFile(file, "");
  assertEquals(await missing(), []);
  await Deno.remove(file);
  await Deno.mkdir(join(lowersDirectory(context), id, "rootfs"), { recursive: true });
  assertEquals(await missing(), []);
});
