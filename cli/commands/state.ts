// drey start, stop, restart, pause, resume: one request per instance, all at the same time.

import { DreyError } from "../../errors.ts";
import type { Client } from "../../client/client.ts";
import type { RunningOperation } from "../../client/operations.ts";
import type { InstanceStatePut } from "../../wire/instance.ts";
import { resolveOnServer } from "../resolve.ts";
import type { Shell } from "../shell.ts";
import { forEach } from "./several.ts";

export const start = (shell: Shell): Promise<number> =>
  change(shell, { action: "start", ...(shell.typed.has("stateless") ? { stateful: false } : {}) });
export const pause = (shell: Shell): Promise<number> => change(shell, { action: "freeze" });
export const resume = (shell: Shell): Promise<number> => change(shell, { action: "unfreeze" });
export const stop = (shell: Shell): Promise<number> =>
  change(shell, { action: "stop", ...shell.typed.has("stateful") ? { stateful: true } : ending(shell) });
export const restart = (shell: Shell): Promise<number> =>
  change(shell, { action: "restart", ...ending(shell) });

function ending({ typed }: Shell): Pick<InstanceStatePut, "force" | "timeout"> {
  return typed.has("force") ? { force: true } : { timeout: typed.integer("timeout") };
}

async function change(shell: Shell, body: InstanceStatePut): Promise<number> {
  const { args, command } = shell.typed;
  const canAttach = body.action.endsWith("start") || body.action === "stop";
  const wantsConsole = canAttach && shell.typed.has("console");
  if (wantsConsole && args.length !== 1) {
    throw new DreyError("BAD_REQUEST", {
      message: "--console is for a single instance, which it needs the name of",
    });
  }
  if (shell.typed.has("all")) return await changeAll(shell, body);
  if (args.length === 0) {
    throw new DreyError("BAD_REQUEST", {
      message: `"drey ${command.path}" needs the name of an instance, or --all`,
      hint: `See: drey ${command.path} --help`,
    });
  }
  return await forEach(shell, args, async (client, name) => {
    const begin = () => client.start("instance.state.change", { params: { name }, body });
    if (wantsConsole && body.action === "stop") return await watchTheEnd(shell, { client, name, begin });
    await shell.wait(await begin(), name);
    if (!wantsConsole) return;
    const { open } = await import("./console.ts");
    await open(shell, { client, name, type: shell.typed.text("console") });
  });
}

interface Ending {
  client: Client;
  name: string;
  begin(): Promise<RunningOperation>;
}

/** Ends an instance as soon as its console is seen. */
async function watchTheEnd(shell: Shell, { client, name, begin }: Ending): Promise<void> {
  const { attach } = await import("./console.ts");
  const running = Promise.withResolvers<RunningOperation>();
  const attached = attach(shell, { client, name, onAttached: () => running.resolve(begin()) });
  // one that cannot be attached to is left as it is
  attached.catch(running.reject);
  await Promise.all([attached, running.promise.then((operation) => shell.wait(operation, name))]);
}

async function changeAll(shell: Shell, state: InstanceStatePut): Promise<number> {
  const [first, second] = shell.typed.args;
  const { remote, name } = resolveOnServer(first ?? "");
  if (name !== "" || second !== undefined) {
    throw new DreyError("BAD_REQUEST", { message: "Name instances or give --all, not both" });
  }
  const client = await shell.connect(remote);
  await shell.wait(await client.start("instances.state", { body: { state } }), "all instances");
  return 0;
}
