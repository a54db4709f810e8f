import { assert, assertEquals, assertRejects } from "@std/testing";
import { DreyError } from "../errors.ts";
import { temporaryContext } from "../tests/support/temporary_context.ts";
import {
  createProject,
  deleteProject,
  getProject,
  listProjects,
  patchProject,
  projectState,
  updateProject,
} from "./projects.ts";
import { effectiveProject, projectsSharing } from "./projects/effective.ts";

const fails = async (work: Promise<unknown>) => {
  const error = await assertRejects(() => work, DreyError);
  return `${error.code}: ${error.message}`;
};

Deno.test("effectiveProject() leads to the default project where a feature is off", async () => {
  await using context = await temporaryContext();
  await createProject(context, { name: "web", config: { "features.images": "false" } });
  assertEquals(await effectiveProject(context, "web", "images"), "default");
  assertEquals(await effectiveProject(context, "web", "profiles"), "web");
  assertEquals(await effectiveProject(context, "web", "networks"), "default");
  assertEquals(await effectiveProject(context, "default", "networks"), "default");
  assertEquals(
    await fails(effectiveProject(context, "none", "images")),
    'NOT_FOUND: Project "none" not found',
  );
  assertEquals([...await projectsSharing(context, "default", "images")].sort(), ["default", "web"]);
  assertEquals([...await projectsSharing(context, "web", "profiles")], ["web"]);
});

Deno.test("a new project has LXD's features and a profile of its own", async () => {
  await using context = await temporaryContext();
  await createProject(context, { name: "web", storage: "default", network: "br0" });
  const { config, used_by } = await getProject(context, "web");
  assertEquals(Object.keys(config), [
    "features.images",
    "features.profiles",
    "features.storage.buckets",
    "features.storage.volumes",
  ]);
  assertEquals(used_by, ["/1.0/profiles/default?project=web"]);
  const profile = await context.store.get<{ devices: unknown }>(["profiles", "web", "default"]);
  assertEquals(profile?.value.devices, {
    eth0: { name: "eth0", network: "br0", type: "nic" },
    root: { path: "/", pool: "default", type: "disk" },
  });
  assertEquals((await listProjects(context)).map(({ name }) => name), ["default", "web"]);
});

Deno.test("the default project keeps its features and its place", async () => {
  await using context = await temporaryContext();
  assertEquals(
    await fails(updateProject(context, "default", {})),
    "BAD_REQUEST: The features of the default project cannot be changed",
  );
  assertEquals(
    await fails(deleteProject(context, "default")),
    "FORBIDDEN: The default project cannot be deleted",
  );
  await patchProject(context, "default", { config: { "limits.instances": "3" } });
  assertEquals((await projectState(context, "default")).resources["instances"], { Limit: 3, Usage: 0 });
  const { resources } = await projectState(context, "default");
  assertEquals(Object.keys(resources).toSorted(), [
    "containers",
    "cpu",
    "disk",
    "instances",
    "memory",
    "networks",
    "processes",
    "virtual-machines",
  ]);
  assert((await getProject(context, "default")).used_by.includes("/1.0/profiles/default"));
});

Deno.test("keys of projects are refused by name while nothing obeys them", async () => {
  await using context = await temporaryContext();
  const create = (config: Record<string, string>) => createProject(context, { name: "web", config });
  assertEquals(
    await fails(create({ "restricted.cluster.target": "allow" })),
    'NOT_SUPPORTED: Configuration key "restricted.cluster.target" is not supported yet',
  );
  assertEquals(
    await fails(create({ "nonsense": "1" })),
    'BAD_REQUEST: Invalid project configuration key "nonsense"',
  );
  assertEquals(
    await fails(create({ "features.images": "maybe" })),
    'BAD_REQUEST: Invalid value for "features.images": expected true or false, got "maybe"',
  );
  await create({ "restricted": "false" });
  assertEquals(await fails(create({})), 'ALREADY_EXISTS: Project "web" already exists');
});
