import { assert } from "@std/testing";
import { closeFd, O_NOCTTY, O_RDWR, openFd } from "../sys/descriptors.ts";
import { openTerminalPeer, unlockTerminal } from "../sys/terminals.ts";
import { openTerminal } from "./pty.ts";

Deno.test("a terminal whose output is read no further can still be finished", async () => {
  const master = openFd("/dev/ptmx", O_RDWR | O_NOCTTY);
  unlockTerminal(master);
  const peer = openTerminalPeer(master);
  await using terminal = await openTerminal(master);
  Deno.writeTextFileSync(`/proc/self/fd/${peer}`, "hello");
  for await (const chunk of terminal.output) {
    assert(chunk.length > 0);
    break;
  }
  terminal.finish();
  closeFd(peer);
});
