// A drey as on another machine, for what goes from one server to another.

import { join } from "@std/path";
import type { Drey } from "./drey.ts";

/** A drey with settings and a state of its own, as on another machine. */
export function elsewhere(drey: Drey, name = "elsewhere") {
  const directory = join(drey.directory, name);
  const env = { DREY_DIR: directory, DREY_CONF: join(directory, "config") };
  const tries = (line: string) => drey.run(line.split(" "), { env });
  return {
    tries,
    async run(line: string) {
      const { code, stdout, stderr } = await tries(line);
      if (code !== 0) throw new Error(`drey ${line} ended with ${code}:\n${stderr}${stdout}`);
      return stdout;
    },
  };
}
