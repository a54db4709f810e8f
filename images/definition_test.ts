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
];

for (const [says, definition] of wrong) {
  Deno.test(`readDefinition() refuses what ${says}`, () => {
    assertThrows(() => readDefinition(definition), DreyError, says);
  });
}
