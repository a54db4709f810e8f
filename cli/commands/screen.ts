// drey console --type vga: the screen of a virtual machine, in a viewer where one is installed.

import type { Client } from "../../client/client.ts";
import { leadToScreen, listenPrivately } from "../../client/screen.ts";
import { fullPath, spawn } from "../../sys/run.ts";
import { findTool } from "../../sys/tools.ts";
import type { Shell } from "../shell.ts";

/** Viewers that take a socket's address as their only word; the first that is there is started. */
const viewers = [
  { name: "remote-viewer", argv: (path: string) => [`spice+unix://${path}`] },
  { name: "spicy", argv: (path: string) => [`--uri=spice+unix://${path}`] },
];

export async function showScreen(
  shell: Shell,
  { client, name }: { client: Client; name: string },
): Promise<void> {
  await using socket = await listenPrivately();
  const detach = new AbortController();
  const stop = () => detach.abort();
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, stop);
  await leadToScreen(client, {
    name,
    listener: socket.listener,
    detach: detach.signal,
    onOpen: () => showIn(shell, { path: socket.path, stop }),
  });
}

/** Starts a viewer of what is at a socket, or tells where it is. */
function showIn(shell: Shell, { path, stop }: { path: string; stop: () => void }): void {
  const viewer = viewers.find((known) => findTool(known.name, fullPath()) !== undefined);
  if (viewer !== undefined) {
    void spawn([viewer.name, ...viewer.argv(path)], { stdin: "null" }).status.then(stop);
    return;
  }
  shell.say("Neither remote-viewer nor spicy is installed (packages virt-viewer, spice-client-gtk).");
  shell.say(`The screen is at spice+unix://${path} until Ctrl-C.`);
}
