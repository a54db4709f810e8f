// drey rebuild: the root of an instance as an image has it, or empty.

import { DreyError } from "../../errors.ts";
import { imageSource } from "../image_source.ts";
import { resolveName } from "../resolve.ts";
import type { Shell } from "../shell.ts";

export async function rebuild(shell: Shell): Promise<void> {
  const { args, has } = shell.typed;
  if (args.length !== (has("empty") ? 1 : 2)) {
    throw new DreyError("BAD_REQUEST", {
      message: has("empty") ? "Name the instance and no image" : "Name an image and an instance",
      hint: "See: drey rebuild --help",
    });
  }
  const { remote, name } = resolveName(args.at(-1) ?? "", "instance");
  const client = await shell.connect(remote);
  const params = { name };
  const source = has("empty") ? { type: "none" } as const : await imageSource(shell, args[0] ?? "", remote);
  const { status } = await client.call("instance.get", { params });
  const isRunning = status !== "Stopped";
  if (isRunning && has("force")) {
    const body = { action: "stop", force: true, timeout: 0 } as const;
    await shell.wait(await client.start("instance.state.change", { params, body }), name);
  }
  await shell.wait(await client.start("instance.rebuild", { params, body: { source } }), name);
  if (!isRunning || !has("force")) return;
  const start = { action: "start" } as const;
  await shell.wait(await client.start("instance.state.change", { params, body: start }), name);
}
