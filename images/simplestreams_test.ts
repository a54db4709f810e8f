import { assertEquals, assertThrows } from "@std/testing";
import { DreyError } from "../errors.ts";
import { findInCatalog, parseIndex, parseProducts } from "./simplestreams.ts";

const hash = (digit: string) => digit.repeat(64);
const file = (ftype: string, sha256: string, more: Record<string, unknown> = {}) => ({
  ftype,
  path: `images/${ftype}`,
  size: 100,
  sha256,
  ...more,
});

/** Two versions of a product as the public servers describe them. */
const products = {
  products: {
    "debian:bookworm:amd64:cloud": {
      aliases: "debian/12/cloud,debian/bookworm/cloud",
      arch: "amd64",
      os: "Debian",
      release: "bookworm",
      release_title: "12",
      variant: "cloud",
      support_eol: "2028-06-30",
      lxd_requirements: { secureboot: "false" },
      versions: {
        "20260101_05:24": {
          items: { meta: file("lxd.tar.xz", hash("1"), { combined_squashfs_sha256: hash("2") }) },
        },
        "20260102_05:24": {
          label: "daily",
          items: {
            "lxd.tar.xz": file("lxd.tar.xz", hash("3"), {
              combined_squashfs_sha256: hash("4"),
              combined_rootxz_sha256: hash("5"),
              "combined_disk-kvm-img_sha256": hash("6"),
            }),
            "root.tar.xz": file("root.tar.xz", hash("7")),
            "root.squashfs": file("squashfs", hash("8")),
            "disk.qcow2": file("disk-kvm.img", hash("9")),
            "delta.vcdiff": file("squashfs.vcdiff", hash("a"), { delta_base: "20260101_05:24" }),
          },
        },
        "20251231_05:24": {
          items: {
            "lxd.tar.xz": file("lxd.tar.xz", hash("b"), { combined_squashfs_sha256: hash("c") }),
            "root.squashfs": file("squashfs", hash("d")),
          },
        },
      },
    },
    "debian:bookworm:arm64:cloud": {
      aliases: "debian/12/cloud",
      arch: "arm64",
      os: "Debian",
      release: "bookworm",
      versions: {
        "20260102_05:24": {
          items: {
            "lxd.tar.xz": file("lxd.tar.xz", hash("3"), { combined_squashfs_sha256: hash("e") }),
            "root.squashfs": file("squashfs", hash("f")),
          },
        },
      },
    },
    "odd:1:vax:default": { aliases: "odd/1", arch: "vax", versions: { "20260102": { items: {} } } },
    "old:1:amd64:default": {
      aliases: "old/1",
      arch: "amd64",
      versions: {
        "20200101": { items: { image: { ...file("lxd_combined.tar.gz", hash("0")), size: 7 } } },
        "20200102": { items: { image: { ...file("lxd_combined.tar.gz", hash("0")), path: "../../x" } } },
      },
    },
  },
};

const images = parseProducts(products);
const find = (name: string, type: "container" | "virtual-machine" = "container") =>
  findInCatalog(images, { name, type, architecture: "x86_64" })?.fingerprint;

Deno.test("parseProducts() makes an image of each root file system whose combined hash is known", () => {
  assertEquals(images.map(({ fingerprint }) => fingerprint[0]).join(""), "456ce0");
  const [image] = images;
  assertEquals(image?.properties, {
    os: "Debian",
    release: "bookworm",
    architecture: "amd64",
    variant: "cloud",
    label: "daily",
    serial: "20260102_05:24",
    description: "Debian 12 amd64 (daily) (20260102_05:24)",
    type: "squashfs",
    "requirements.secureboot": "false",
  });
  assertEquals([image?.size, image?.created_at, image?.expires_at], [
    200,
    "2026-01-02T00:00:00Z",
    "2028-06-30T00:00:00Z",
  ]);
  assertEquals(image?.files.map(({ part, sha256 }) => [part, sha256[0]]), [["metadata", "3"], [
    "rootfs",
    "8",
  ]]);
});

Deno.test("parseProducts() knows deltas whose older image is known", () => {
  const deltas = (serial: string, delta_base: string) => {
    const items = {
      meta: file("lxd.tar.xz", hash("1"), { combined_squashfs_sha256: hash("2") }),
      root: file("squashfs", hash("3")),
      delta: file("squashfs.vcdiff", hash("4"), { delta_base }),
    };
    const older = { meta: file("lxd.tar.xz", hash("5"), { combined_squashfs_sha256: hash("6") }) };
    const versions = { [serial]: { items }, "20260101": { items: older } };
    const [image] = parseProducts({ products: { p: { aliases: "p", arch: "amd64", versions } } });
    return image?.files[1]?.deltas?.map(({ base, sha256 }) => [base, sha256]);
  };
  assertEquals(deltas("20260102", "20260101"), [[hash("6"), hash("4")]]);
  assertEquals(deltas("20260102", "20251231"), undefined);
});

Deno.test("parseProducts() gives names to the newest version of a product only", () => {
  const named = images.filter(({ aliases }) => aliases.length > 0).map(({ fingerprint }) => fingerprint[0]);
  assertEquals(named, ["4", "6", "e", "0"]);
});

Deno.test("findInCatalog() takes names, names with an architecture, and fingerprints", () => {
  assertEquals(find("debian/12/cloud"), hash("4"));
  assertEquals(find("debian/bookworm/cloud/amd64"), hash("4"));
  assertEquals(find("debian/12/cloud/arm64"), hash("e"));
  assertEquals(find("debian/12/cloud", "virtual-machine"), hash("6"));
  assertEquals(find(hash("c")), hash("c"));
  assertEquals(find("55555555"), hash("5"));
  assertEquals(find("debian/12"), undefined);
  assertEquals(find("old/1", "virtual-machine"), undefined);
});

Deno.test("parseIndex() names files of products and refuses paths that lead away", () => {
  const entry = { datatype: "image-downloads", path: "streams/v1/images.json", products: ["a"] };
  const other = { datatype: "image-ids", path: "streams/v1/aws.json", products: ["a"] };
  const none = { ...entry, path: "streams/v1/none.json", products: [] };
  assertEquals(parseIndex({ index: { entry, other, none } }), ["streams/v1/images.json"]);
  const away = { ...entry, path: "../secret.json" };
  assertThrows(() => parseIndex({ index: { away } }), DreyError, "../secret.json");
});

Deno.test("parseIndex() asks for no more lists than a server may have", () => {
  const indexOf = (count: number) => ({
    index: Object.fromEntries(
      Array.from(
        { length: count },
        (_, at) => [at, { datatype: "image-downloads", path: `streams/${at}.json` }],
      ),
    ),
  });
  assertEquals(parseIndex(indexOf(3)), ["streams/0.json", "streams/1.json", "streams/2.json"]);
  assertThrows(() => parseIndex(indexOf(17)), DreyError, "it names 17 lists");
});
