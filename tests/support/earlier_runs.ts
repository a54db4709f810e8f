// What a run of root's tests that was killed has left on the host: networks of the names that tests use, and instances
// that run on. The next run begins by ending it.

import { join } from "@std/path";
import { tableName } from "../../domain/networks/hub_state.ts";
import type { Context } from "../../domain/context.ts";
import { firewallRemoval } from "../../network/firewall.ts";
import { listInterfaces, ownInterfaces } from "../../network/links.ts";
import { namesIn } from "../../sys/present.ts";
import { run, runChecked } from "../../sys/run.ts";
import { closeDrey, dreyAt } from "./drey.ts";

/** Ends every drey that is left in a directory of root's tests; says what it could not end. */
export async function endEarlierRuns(directory: string): Promise<void> {
  for (const name of namesIn(directory).filter((name) => /^d[0-9a-f]+$/.test(name))) {
    const left = join(directory, name);
    console.log(`Ending what an earlier run has left in ${left}`);
    await closeDrey(dreyAt(left)).catch((error) => console.log(String(error)));
    await endNetworks(left);
  }
}

/** By the marks of its interfaces: of a drey that was killed early no record tells of them. */
async function endNetworks(directory: string): Promise<void> {
  const paths = { state: directory, run: `${directory}/run`, config: `${directory}/config` };
  const owner = tableName({ user: { uid: 0, gid: 0, name: "root" }, paths } as Context);
  const links = await runChecked(listInterfaces);
  const names = [owner, `${owner}.card`].flatMap((mark) => ownInterfaces(links, mark));
  // one that ends meanwhile is gone
  for (const name of names) await run(["ip", "link", "delete", name]);
  await run(["nft", "-f", "-"], { stdin: firewallRemoval(owner) });
}
