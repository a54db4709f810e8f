// drey remote: the servers a name before a colon means.

import { defaultRemote, type Remote, remotes } from "../../client/remotes.ts";
import { type Format, formatList, yesNo } from "../output.ts";
import type { Shell } from "../shell.ts";
import { toTable } from "../columns.ts";

export async function list(shell: Shell): Promise<void> {
  const table = toTable(remotes, [
    { header: "NAME", cell: ({ name }) => name === defaultRemote ? `${name} (current)` : name },
    { header: "URL", cell: ({ address }) => address },
    { header: "PROTOCOL", cell: ({ protocol }) => protocol },
    { header: "AUTH TYPE", cell: ({ isImageServer }) => isImageServer ? "none" : "file access" },
    { header: "PUBLIC", cell: ({ isImageServer }) => yesNo(isImageServer) },
    { header: "STATIC", cell: () => "YES" },
    { header: "GLOBAL", cell: () => "NO" },
    { header: "SUPPORTED", cell: ({ isSupported }) => isSupported ? "YES" : "NOT YET" },
  ]);
  const data = Object.fromEntries(remotes.map((remote) => [remote.name, asData(remote)]));
  shell.print(await formatList(shell.typed.text("format") as Format, table, data));
}

export function getDefault(shell: Shell): Promise<void> {
  shell.print(`${defaultRemote}\n`);
  return Promise.resolve();
}

const asData = ({ address, protocol, isImageServer, isSupported, about }: Remote) => ({
  addr: address,
  protocol,
  public: isImageServer,
  static: true,
  supported: isSupported,
  description: about,
});
