import { assertEquals } from "@std/testing";
import { temporaryContext } from "../../tests/support/temporary_context.ts";
import type { Image } from "../../wire/image.ts";
import * as serverKeys from "../../config/server_keys.ts";
import { projectKey } from "../projects/effective.ts";
import { configKey } from "../server_config.ts";
import { imageSetting } from "./settings.ts";
import { listOperations, waitOperation } from "../operations.ts";
import { adoptImage, makeClosed } from "./files.ts";
import { imagesDirectory } from "./directories.ts";
import { type ImageRecord, listImages } from "./records.ts";
import { isOver, keepImages } from "./upkeep.ts";

const now = Date.parse("2026-06-15T12:00:00Z");
const never = "1970-01-01T00:00:00Z";
const image: Image = {
  fingerprint: "a".repeat(64),
  type: "container",
  architecture: "x86_64",
  filename: "",
  size: 1,
  properties: {},
  aliases: [],
  public: false,
  cached: false,
  auto_update: false,
  profiles: ["default"],
  project: "default",
  created_at: never,
  expires_at: never,
  last_used_at: never,
  uploaded_at: "2026-06-01T12:00:00Z",
};

Deno.test("isOver() ends images at their time, and fetched ones when nobody uses them", () => {
  const over = (changes: Partial<Image>, days = 10) => isOver({ ...image, ...changes }, { now, days });
  assertEquals(over({}), false);
  assertEquals(over({ expires_at: "2026-06-15T11:59:00Z" }), true);
  assertEquals(over({ expires_at: "2026-06-16T00:00:00Z" }), false);
  assertEquals(over({ cached: true }), true);
  assertEquals(over({ cached: true }, 20), false);
  assertEquals(over({ cached: true }, 0), false, "0 days is for ever");
  assertEquals(over({ cached: true, last_used_at: "2026-06-10T00:00:00Z" }), false);
  assertEquals(
    over({ cached: true, last_used_at: "2026-06-14T00:00:00Z", expires_at: "2026-01-01T00:00:00Z" }),
    false,
  );
});

Deno.test("keepImages() removes what is over and leaves the rest", async () => {
  await using base = await temporaryContext();
  const context = { ...base, now: () => new Date(now) };
  await makeClosed(imagesDirectory(context));
  const add = async (digit: string, changes: Partial<ImageRecord>) => {
    const { aliases: _aliases, ...record } = { ...image, fingerprint: digit.repeat(64), ...changes };
    const metadata = `${imagesDirectory(context)}/upload`;
    await Deno.writeTextFile(metadata, digit);
    await adoptImage(context, { metadata }, { record });
  };
  await add("1", {});
  await add("2", { cached: true });
  await add("3", { expires_at: "2026-06-01T00:00:00Z" });
  await keepImages(context);
  for (const { id } of await listOperations(context)) {
    await waitOperation(context, id, { timeout: 120, signal: new AbortController().signal });
  }
  assertEquals((await listImages(context)).map(({ fingerprint }) => fingerprint[0]), ["1"]);
  assertEquals([...Deno.readDirSync(imagesDirectory(context))].map(({ name }) => name[0]), ["1"]);
});

Deno.test("imageSetting() takes what the project says before what the server says", async () => {
  await using context = await temporaryContext();
  await context.store.commit([], [
    { key: configKey, value: { "images.remote_cache_expiry": "3", "images.auto_update_cached": "false" } },
    {
      key: projectKey("lab"),
      value: {
        description: "",
        config: { "images.remote_cache_expiry": "0", "images.auto_update_interval": "1" },
      },
    },
  ]);
  const settings = (project: string) =>
    Promise.all([
      imageSetting(context, project, serverKeys.imagesCacheExpiry),
      imageSetting(context, project, serverKeys.imagesAutoUpdateInterval),
      imageSetting(context, project, serverKeys.imagesAutoUpdateCached),
    ]);
  assertEquals(await settings("lab"), [0, 1, false]);
  assertEquals(await settings("default"), [3, 6, false]);
});
