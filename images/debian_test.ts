import { describeImage } from "./debian_build.ts";
import { assert, assertEquals, assertThrows } from "@std/testing";
import { DreyError } from "../errors.ts";
import { chooseMirrors, parseDeb822, parseSourcesList } from "./apt_sources.ts";
import { nextProgress, notStarted, percentOf } from "./debian_progress.ts";
import { makeRecipe, mmdebstrapArgs } from "./debian_recipe.ts";
import { allSuites, parseAlias, suiteAlias } from "./debian_suites.ts";
import { kernelArchitecture } from "./metadata.ts";

const parse = (alias: string) => parseAlias(alias, kernelArchitecture);

Deno.test("parseAlias() knows releases by number and name, with distribution and architecture", () => {
  for (const alias of ["12", "bookworm", "debian/12", "Debian/Bookworm"]) {
    assertEquals(parse(alias).suite.codename, "bookworm");
  }
  assertEquals(parse("unstable").suite.codename, "sid");
  assertEquals(parse("ubuntu/24.04").suite, { distribution: "ubuntu", codename: "noble", version: "24.04" });
  assertEquals(parse("trixie/arm64").architecture, "aarch64");
  assertEquals(parse("13").architecture, undefined);
  for (const alias of ["", "potato", "debian", "debian/24.04", "ubuntu/"]) {
    assertThrows(() => parse(alias), DreyError, "no such release");
  }
  assertThrows(() => parse("12/pdp11"), DreyError, '"pdp11" is neither a variant nor an architecture');
  assertThrows(() => parse("12/amd64/x"), DreyError, "in this order");
});

Deno.test("every suite is found by its own alias", () => {
  for (const suite of allSuites()) assertEquals(parse(suiteAlias(suite)).suite, suite);
});

const oneLine = `
# a comment
deb [arch=amd64 signed-by=/x.gpg] http://mirror.example/debian/ bookworm main contrib # more
deb http://mirror.example/debian-security bookworm-security main
deb-src http://mirror.example/debian bookworm main
deb https://download.docker.com/linux/debian bookworm stable
deb https://apt.example.org/tools bookworm main
`;

const deb822 = `Types: deb deb-src
# inside a stanza
URIs: https://deb.example/debian
Suites: trixie trixie-updates
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
URIs: https://off.example/debian
Suites: trixie
Components: main
Enabled: no

Types: deb
URIs:
 https://sec.example/debian-security
Suites: trixie-security
Components: main
`;

Deno.test("chooseMirrors() finds the distribution's own mirrors in one-line files", () => {
  const found = chooseMirrors(parseSourcesList(oneLine), "debian", ["bookworm"]);
  assertEquals(found, {
    main: "http://mirror.example/debian",
    security: "http://mirror.example/debian-security",
  });
});

Deno.test("chooseMirrors() finds them in deb822 files and passes over what is switched off", () => {
  const found = chooseMirrors(parseDeb822(deb822), "debian", ["bookworm", "trixie"]);
  assertEquals(found, {
    main: "https://deb.example/debian",
    security: "https://sec.example/debian-security",
  });
  assertEquals(chooseMirrors(parseDeb822(deb822), "ubuntu", ["noble"]), {
    main: undefined,
    security: undefined,
  });
});

const none = { main: undefined, security: undefined };
const recipe = (alias: string, host = none as { main?: string; security?: string }, override?: string) =>
  makeRecipe(parse(alias).suite, {
    architecture: "amd64",
    host: { main: host.main, security: host.security },
    override,
  });

Deno.test("makeRecipe() takes the host's mirrors, else the usual ones, else what it is told", () => {
  assertEquals(recipe("12").sources, [
    "deb http://deb.debian.org/debian bookworm main",
    "deb http://deb.debian.org/debian bookworm-updates main",
    "deb http://deb.debian.org/debian-security bookworm-security main",
  ]);
  assertEquals(recipe("sid", { main: "http://m/debian", security: "http://s/debian-security" }).sources, [
    "deb http://m/debian sid main",
  ]);
  const overridden = recipe("12", { main: "http://m/debian", security: "http://s" }, "http://o/debian");
  assert(overridden.sources.every((line) => line.startsWith("deb http://o/debian bookworm")));
});

Deno.test("mmdebstrapArgs() names resolved only where it is a package of its own", () => {
  const include = (alias: string) =>
    mmdebstrapArgs(recipe(alias)).find((arg) => arg.startsWith("--include=")) ?? "";
  assert(include("12").includes("systemd-resolved"));
  assert(!include("11").includes("systemd-resolved"));
});

Deno.test("nextProgress() only ever moves forward through a build", () => {
  const pack = (n: number) => [
    `0 upgraded, ${n} newly installed, 0 to remove and 0 not upgraded.`,
    ...Array.from({ length: n }, (_, i) => `Get:${i + 1} http://deb.debian.org/debian bookworm/main x`),
    ...Array.from({ length: n }, (_, i) => `Unpacking p${i} (1) ...`),
    ...Array.from({ length: n }, (_, i) => `Setting up p${i} (1) ...`),
  ];
  const lines = [
    "Get:1 http://deb.debian.org/debian bookworm InRelease",
    ...pack(40),
    ...pack(60),
    "I: creating tarball...",
  ];
  const percents: number[] = [];
  let progress = notStarted;
  for (const line of lines) {
    progress = nextProgress(progress, line);
    percents.push(percentOf(progress));
  }
  assertEquals(percents, [...percents].sort((a, b) => a - b));
  assertEquals([percents[0], percents.at(-1)], [0, 95]);
});

Deno.test("parseAlias() takes a variant between release and architecture", () => {
  assertEquals(parse("12/cloud").variant, "cloud");
  assertEquals(parse("debian/trixie/minimal/arm64"), {
    suite: { distribution: "debian", codename: "trixie", version: "13" },
    variant: "minimal",
    architecture: "aarch64",
  });
  assertEquals(parse("12").variant, "default");
  assertThrows(() => parse("12/arm64/cloud"), DreyError, "in this order");
});

const recipeOf = (variant: "default" | "cloud" | "minimal") =>
  makeRecipe(parse("12").suite, {
    architecture: "amd64",
    host: { main: undefined, security: undefined },
    override: undefined,
    variant,
  });

Deno.test("the variant cloud brings cloud-init and its templates, and none brings udev to life", () => {
  assert(recipeOf("cloud").packages.includes("cloud-init"));
  assertEquals(recipeOf("cloud").templates.length, 4);
  assert(!recipeOf("minimal").packages.includes("vim-tiny"));
  for (const variant of ["default", "cloud", "minimal"] as const) {
    assert(recipeOf(variant).hooks.customize.some((hook) => hook.includes("systemd-udevd.service")));
  }
});

Deno.test("the variant cloud completes names by the network's domain, also in the files cloud-init writes", async () => {
  const root = await Deno.makeTempDir();
  try {
    for (const directory of ["cloud/cloud.cfg.d", "ssh", "systemd/network"]) {
      await Deno.mkdir(`${root}/etc/${directory}`, { recursive: true });
    }
    const script = recipeOf("cloud").hooks.customize.at(-1) ?? "";
    const { success } = await new Deno.Command("sh", { args: ["-c", script, "sh", root] }).output();
    assert(success);
    const file = `${root}/etc/systemd/network/10-cloud-init-eth0.network.d/domains.conf`;
    assertEquals(await Deno.readTextFile(file), "[DHCPv4]\nUseDomains=true\n");
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("the description of an image tells its variant, as nothing else in a list does", () => {
  const said = (variant: "default" | "cloud") =>
    describeImage(recipeOf(variant), "x86_64", new Date("2026-11-02T03:04Z")).properties?.["description"];
  assertEquals(said("default"), "Debian bookworm amd64 (20261102_03:04)");
  assertEquals(said("cloud"), "Debian bookworm amd64 (cloud) (20261102_03:04)");
});
