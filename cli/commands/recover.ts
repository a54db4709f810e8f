// drey recover: instances and volumes in storage pools that the database does not know.

import { DreyError } from "../../errors.ts";
import type { RecoverPool, UnknownVolume } from "../../wire/recover.ts";
import { ask } from "../ask.ts";
import { resolveOnServer } from "../resolve.ts";
import type { Shell } from "../shell.ts";
import { readPairs } from "../settings.ts";

/** Finds them, and brings them back if that is wanted. */
export async function recover(shell: Shell): Promise<number> {
  const client = await shell.connect(resolveOnServer("local:").remote);
  const body = { pools: await namedPools(shell) };
  const { UnknownVolumes: found, DependencyErrors: missing } = await client.call("recover.validate", {
    body,
  });
  if (found.length === 0) {
    shell.print("Nothing is lost: the database knows everything in the storage pools\n");
    return 0;
  }
  shell.print(`The database does not know:\n${found.map(line).join("")}`);
  if (missing.length > 0) {
    shell.print(`They need what is not there:\n${missing.map((one) => ` - ${one}\n`).join("")}`);
    throw new DreyError("BAD_REQUEST", {
      message: "Cannot recover: what is needed is missing",
      hint: "Create it, and run the command again",
    });
  }
  if (!shell.typed.has("yes") && !await agreed()) return 1;
  await client.call("recover.import", { body });
  shell.print(`Recovered: ${found.map(({ name }) => name).join(", ")}\n`);
  return 0;
}

const line = ({ name, type, pool, project, snapshotCount }: UnknownVolume): string => {
  const what = type === "custom" ? "volume" : "instance";
  return ` - ${what} "${name}" in pool "${pool}" and project "${project}", snapshots: ${snapshotCount}\n`;
};

const agreed = async (): Promise<boolean> =>
  ["y", "yes"].includes((await ask("Bring them back? (yes/no) ", "Give --yes")).toLowerCase());

/** The pool that is named beside those the server knows. */
async function namedPools(shell: Shell): Promise<RecoverPool[]> {
  const [name, driver, ...words] = shell.typed.args;
  if (name === undefined) return [];
  if (driver === undefined) {
    throw new DreyError("BAD_REQUEST", {
      message: `Cannot look into storage pool "${name}": its driver is not named`,
      hint: `drey recover ${name} dir source=/path`,
    });
  }
  return [{ name, driver, config: await readPairs(words) }];
}
