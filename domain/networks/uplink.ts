// What the way out of the hub can be on this host.

import { chooseUplink, type UplinkChoice } from "../../network/uplink.ts";
import { fullPath } from "../../sys/run.ts";
import { findTool } from "../../sys/tools.ts";

/** Looks at programs and device node, and chooses. */
export function readUplink(): UplinkChoice {
  const path = fullPath();
  const tools = (["slirp4netns", "pasta"] as const).flatMap((name) => {
    const file = findTool(name, path);
    return file === undefined ? [] : [[name, file] as const];
  });
  return chooseUplink({ tools: Object.fromEntries(tools), tun: tunState() });
}

function tunState(): "usable" | "denied" | "absent" {
  try {
    Deno.openSync("/dev/net/tun", { read: true, write: true }).close();
    return "usable";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "absent";
    return "denied";
  }
}
