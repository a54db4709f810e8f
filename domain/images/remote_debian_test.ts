import { assertEquals } from "@std/testing";
import { temporaryContext } from "../../tests/support/temporary_context.ts";
import { projectKey } from "../projects/effective.ts";
import { imagesDirectory } from "./directories.ts";
import { adoptImage, makeClosed } from "./files.ts";
import { newRecord } from "./new_record.ts";
import { listImages, sourceKey } from "./records.ts";
import { debianImage } from "./remote_debian.ts";

Deno.test("a release that was built for one project is built for no other", async () => {
  await using context = await temporaryContext();
  await makeClosed(imagesDirectory(context));
  const metadata = `${imagesDirectory(context)}/upload`;
  await Deno.writeTextFile(metadata, "built");
  const fingerprint = "a".repeat(64);
  const architecture = Deno.build.arch;
  const described = { architecture, creation_date: 0, expiry_date: 0, properties: {}, templates: {} };
  const record = {
    ...newRecord(context, {
      project: "default",
      fingerprint,
      size: 5,
      metadata: described,
      type: "container",
    }),
    cached: true,
    update_source: {
      alias: "12",
      certificate: "",
      protocol: "debian",
      server: "",
      image_type: "container" as const,
    },
  };
  const name = `debian/12/${architecture}`;
  const source = { key: sourceKey("default", "debian", name), value: { fingerprint } };
  await adoptImage(context, { metadata }, { record, more: [source] });
  await context.store.commit([], [{
    key: projectKey("web"),
    value: { description: "", config: { "features.images": "true" } },
  }]);
  const image = await debianImage(context, "web", { alias: "12", server: "", task: undefined });
  assertEquals([image.project, image.fingerprint, image.cached], ["web", fingerprint, true]);
  assertEquals((await listImages(context, "web")).length, 1);
  const again = await debianImage(context, "web", { alias: "bookworm", server: "", task: undefined });
  assertEquals(again.project, "web");
});
