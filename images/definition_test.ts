import { assert, assertEquals, assertThrows } from "@std/testing";
import { DreyError } from "../errors.ts";
import { makeRecipe, mmdebstrapArgs } from "./debian_recipe.ts";
import { readDefinition } from "./definition.ts";

const whole = {
  image: { distribution: "debian", release: "bookworm", variant: "web", description: "Ours", name: "web" },
  source: { downloader: "debootstrap", components: ["main", "contrib"] },
  packages: {
    manager: "apt",
    update: true,
    sets: [
      { packages: ["nginx-light", "curl"], action: "install" },
      { packages: ["vim-tiny"], action: "remove" },
      { packages: ["never"], releases: ["trixie"] },
    ],
    repositories: [{ name: "extra", url: "deb http://extra.example/debian bookworm main" }],
  },
  files: [
    { path: "/etc/motd", content: "it's ours\n", mode: "0600", uid: 5 },
    { path: "/etc/hostname", generator: "hostname" },
    { path: "/etc/x y", generator: "remove" },
  ],
  actions: [{ trigger: "post-packages", action: "systemctl enable nginx" }],
};

Deno.test("readDefinition() turns packages, files and actions into a recipe", () => {
  const { suite, adapt } = readDefinition(whole);
  assertEquals(suite.codename, "bookworm");
  const plain = makeRecipe(suite, {
    architecture: "amd64",
    host: { main: undefined, security: undefined },
    override: "http://m.example/debian",
  });
  const recipe = adapt(plain);
  assertEquals(recipe.sources[0], "deb http://m.example/debian bookworm main contrib");
  assertEquals(recipe.sources.at(-1), "deb http://extra.example/debian bookworm main");
  assert(recipe.packages.includes("nginx-light") && !recipe.packages.includes("never"));
  assertEquals(recipe.properties, { name: "web", description: "Ours" });
  assertEquals(recipe.templates.map(({ path, when }) => [path, ...when]), [[
    "/etc/hostname",
    "create",
    "copy",
  ]]);
  const hooks = recipe.hooks.customize.slice(plain.hooks.customize.length);
  assertEquals(hooks.map((hook) => /apt-get|\.action|motd|rm -rf/.exec(hook)?.[0]), [
    "apt-get",
    ".action",
    "motd",
    "rm -rf",
  ]);
  assert(
    mmdebstrapArgs(recipe).some((word) => word.startsWith("--customize-hook=") && word.includes("5:0 0600")),
  );
});

const wrong: [says: string, definition: unknown][] = [
  ['"image.colour" is not supported', { image: { release: "12", colour: "red" } }],
  ['the downloader "rpmbootstrap"', { image: { release: "12" }, source: { downloader: "rpmbootstrap" } }],
  ["no such release", { image: { release: "potato" } }],
  ["is no name of a package", { image: { release: "12" }, packages: { sets: [{ packages: ["a;b"] }] } }],
  ["is no path of a file", { image: { release: "12" }, files: [{ path: "../x" }] }],
  ["the trigger", { image: { release: "12" }, actions: [{ trigger: "pre-everything", action: "x" }] }],
  ["is not a map", ["image"]],
  ["it names no release", { image: { distribution: "debian" } }],
  ["is no span of time", { image: { release: "12", expiry: "soon" } }],
  ["is none of cloud-init's", { image: { release: "12" }, files: [{ generator: "cloud-init", name: "x" }] }],
];

for (const [says, definition] of wrong) {
  Deno.test(`readDefinition() refuses what ${says}`, () => {
    assertThrows(() => readDefinition(definition), DreyError, says);
  });
}

/** What readDefinition() makes of a definition that asks for Debian 12. */
function recipeOf(definition: { image?: Record<string, unknown>; [section: string]: unknown }) {
  const image = { distribution: "debian", release: "bookworm", architecture: "amd64", ...definition.image };
  const { suite, variant, adapt } = readDefinition({ ...definition, image });
  const host = { main: "http://m.example/debian", security: undefined };
  return adapt(makeRecipe(suite, { architecture: "amd64", host, override: undefined, variant }));
}

Deno.test("readDefinition() fills in what repositories and descriptions say of the image", () => {
  const line = "deb http://m.example/debian {{ image.release }}";
  const url = `${line} main\n{% if image.release != "sid" %}${line}-updates main{% endif %}`;
  const recipe = recipeOf({
    image: { description: "Debian {{ image.release }} for {{ image.architecture_mapped }}", expiry: "1d 2h" },
    packages: { repositories: [{ name: "sources.list", url }] },
  });
  assertEquals(recipe.sources, [
    "deb http://m.example/debian bookworm main",
    "deb http://m.example/debian bookworm-updates main",
  ]);
  assertEquals(recipe.properties.description, "Debian bookworm for amd64");
  assertEquals(recipe.expiry, 26 * 3600);
});

Deno.test("readDefinition() fills in files and actions that ask for it, and no others", () => {
  const { hooks } = recipeOf({
    files: [{ path: "/etc/release", content: "{{ image.release }}", pongo: true }],
    actions: [{ trigger: "post-files", action: "echo {{ image.release }}" }],
  });
  const [file = "", action = ""] = hooks.customize.slice(-2).map((hook) =>
    /printf %s '([^']*)'/.exec(hook)?.[1]
  );
  assertEquals(atob(file), "bookworm");
  assert(atob(action).endsWith("echo {{ image.release }}"));
});

Deno.test("readDefinition() has each of cloud-init's files once, as the definition says", () => {
  const { templates } = recipeOf({
    image: { variant: "cloud" },
    files: [
      { name: "user-data", generator: "cloud-init", variants: ["cloud"] },
      {
        name: "vendor-data",
        generator: "cloud-init",
        template: { properties: { default: "#cloud-config" } },
      },
    ],
  });
  const seed = "/var/lib/cloud/seed/nocloud-net";
  assertEquals(templates.map(({ path }) => path).sort(), [
    `${seed}/meta-data`,
    `${seed}/network-config`,
    `${seed}/user-data`,
    `${seed}/vendor-data`,
  ]);
  assertEquals(
    templates.find(({ path }) => path.endsWith("/vendor-data"))?.properties.default,
    "#cloud-config",
  );
});
