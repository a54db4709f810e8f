// Whether words alone tell what a command will want.

import { exists } from "../../sys/present.ts";
import type { Paths } from "../../sys/paths.ts";

/** Whether a server may listen, which then does the work. */
export const isServed = ({ state }: Pick<Paths, "state">) => exists(`${state}/unix.socket`);

/** Whether a plain name means an instance of this process: no server listens, and no remotes were named. */
export const isOurs = (paths: Pick<Paths, "state" | "config">) =>
  !isServed(paths) && !exists(`${paths.config}/config.yml`);
