import { assertEquals, assertRejects } from "@std/testing";
import { DreyError } from "../../errors.ts";
import { formatMap } from "../../idmap/map.ts";
import { openDir } from "../../storage/dir.ts";
import { writeManifest } from "../../storage/manifest.ts";
import { placeOf } from "../../storage/places.ts";
import { temporaryContext } from "../../tests/support/temporary_context.ts";
import { lazyFileRoot } from "./file_root.ts";
import { packVolume } from "./root_tar.ts";
import { volumeOf } from "./volume_of.ts";

Deno.test({
  name: "a root whose ids are the user's no longer cannot be read, and no start waits for that",
  ignore: Deno.uid() === 0,
  async fn() {
    await using context = await temporaryContext();
    const directory = context.paths.state;
    await using hands = lazyFileRoot(context);
    const lock = () => context.store.lock(["pool"]);
    const driver = openDir({ directory, images: directory, config: {}, hands, lock });
    const volume = volumeOf({ project: "default", name: "c1" });
    const ids = [{ nsId: 0, hostId: 4_000_000_000, count: 2 }];
    Deno.mkdirSync(placeOf(directory, volume), { recursive: true });
    const map = formatMap({ uids: ids, gids: ids });
    writeManifest(placeOf(directory, volume), { version: 1, map, kind: "copy", layers: [], top: "top" });
    const error = await assertRejects(() => packVolume(context, driver, { volume }), DreyError);
    assertEquals(error.code, "BAD_REQUEST");
    await using _start = await context.store.lock(["parent-namespace"], {
      signal: AbortSignal.timeout(1000),
    });
  },
});
