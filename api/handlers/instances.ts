// Instances. Each verb is a file of the domain and loaded alone: `exec` must not wait for what `create` needs.

import type { Context } from "../../domain/context.ts";
import type { Devices } from "../../wire/instance.ts";
import { DreyError } from "../../errors.ts";
import type { Instance } from "../../wire/instance.ts";
import { type Call, type Handlers, refOf } from "../call.ts";
import { addressOf, isOn, listed } from "../lists.ts";

type Names =
  | "instances.list"
  | "instances.create"
  | "instances.state"
  | "instance.get"
  | "instance.update"
  | "instance.patch"
  | "instance.rename"
  | "instance.rebuild"
  | "instance.delete"
  | "instance.state"
  | "instance.state.change"
  | "instance.plan"
  | "instance.exec"
  | "instance.console"
  | "instance.console.log"
  | "instance.console.clear";

const list = () => import("../../domain/instances/list.ts");
const update = () => import("../../domain/instances/update.ts");
const state = () => import("../../domain/instances/state.ts");
const consoleLog = () => import("../../domain/instances/console.ts");

export const handlers: Handlers<Names> = {
  "instances.list": listInstances,
  "instances.create": async (call) => {
    const { context, project, body } = call;
    // a backup has come in its place
    if (body === undefined) return await importBackup(context, project, call.request);
    const { createInstance } = await import("../../domain/instances/create.ts");
    return await createInstance(context, project, body);
  },
  "instances.state": async ({ context, project, body }) =>
    await (await state()).changeAllStates(context, project, body.state),
  "instance.get": async (call) => {
    const { getInstance, inFull } = await list();
    const instance = await getInstance(call.context, refOf(call));
    return call.recursion > 0 ? (await inFull(call.context, [instance]))[0] ?? instance : instance;
  },
  "instance.update": async (call) =>
    await (await update()).updateInstance(call.context, refOf(call), call.body),
  "instance.patch": async (call) =>
    await (await update()).patchInstance(call.context, refOf(call), call.body),
  "instance.rename": async (call) => {
    const { renameInstance } = await import("../../domain/instances/rename.ts");
    return await renameInstance(call.context, refOf(call), call.body);
  },
  "instance.rebuild": async (call) => {
    const { rebuildInstance } = await import("../../domain/instances/rebuild.ts");
    return await rebuildInstance(call.context, refOf(call), call.body);
  },
  "instance.delete": async (call) => {
    const { deleteInstance } = await import("../../domain/instances/delete.ts");
    return await deleteInstance(call.context, refOf(call), { force: isOn(call.query("force")) });
  },
  "instance.plan": async (call) => {
    const { showPlan } = await import("../../domain/instances/start.ts");
    return await showPlan(call.context, refOf(call));
  },
  "instance.state": async (call) => await (await list()).instanceState(call.context, refOf(call)),
  "instance.state.change": async (call) =>
    await (await state()).changeState(call.context, refOf(call), call.body),
  "instance.exec": async (call) => {
    const { execInstance } = await import("../../domain/instances/exec.ts");
    return await execInstance(call.context, refOf(call), call.body);
  },
  "instance.console": async (call) => {
    const { consoleInstance } = await import("../../domain/instances/console_attach.ts");
    return await consoleInstance(call.context, refOf(call), call.body);
  },
  "instance.console.log": async (call) => {
    const headers = { "content-type": "application/octet-stream" };
    if (isOn(call.query("follow"))) {
      const { followed } = await import("../../wire/console.ts");
      const { followConsole } = await import("../../domain/instances/console_follow.ts");
      const body = await followConsole(call.context, refOf(call), call.signal);
      return new Response(body, { headers: { ...headers, [followed]: "true" } });
    }
    const bytes = await (await consoleLog()).retrieveConsoleLog(call.context, refOf(call));
    return new Response(Uint8Array.from(bytes), { headers });
  },
  "instance.console.clear": async (call) =>
    await (await consoleLog()).clearConsoleLog(call.context, refOf(call)),
};

async function listInstances(call: Call<"instances.list">) {
  const { context, project, recursion, query } = call;
  const { listInstances: all, listRefs, inFull } = await list();
  const type = typeOf(query("instance-type"));
  const isWanted = (instance: { type: string }) => type === undefined || instance.type === type;
  const wanted = isOn(query("all-projects")) ? undefined : project;
  const address = (ref: { name: string; project: string }) => addressOf("instances", ref.name, ref.project);
  const filter = query("filter");
  if (recursion === 0 && !filter) {
    return (await listRefs(context, wanted)).filter(isWanted).map(address);
  }
  const instances = (await all(context, wanted)).filter(isWanted);
  const things = recursion < 2 ? instances : await inFull(context, instances);
  return listed<Instance>(things, { recursion, filter, address });
}

function typeOf(text: string | undefined): string | undefined {
  if (text === undefined || text === "") return undefined;
  if (text === "container" || text === "virtual-machine") return text;
  throw new DreyError("BAD_REQUEST", { message: `Invalid instance type "${text}"` });
}

/** LXD's headers of a backup that is to become an instance. */
async function importBackup(context: Context, project: string, request: Request) {
  const { importInstance } = await import("../../domain/backups/import.ts");
  const { body, headers } = request;
  if (body === null) throw new DreyError("BAD_REQUEST", { message: "The request holds no file" });
  const [name, pool, devices] = ["name", "pool", "devices"].map((word) => headers.get(`x-lxd-${word}`) ?? "");
  return await importInstance(context, project, {
    content: body,
    wish: {
      ...(name && { name }),
      ...(pool && { pool }),
      ...(devices && { devices: readDevices(devices) }),
    },
  });
}

/** Devices as `root=pool%3Dfast&eth0=type%3Dnone`: a form within a form. */
function readDevices(text: string): Devices {
  const named = [...new URLSearchParams(text)];
  return Object.fromEntries(
    named.map(([name, keys]) => [name, Object.fromEntries(new URLSearchParams(keys))]),
  );
}
