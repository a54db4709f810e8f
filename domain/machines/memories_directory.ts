// Where what virtual machines can begin with lies; by itself, since looking there takes nothing of machines.

import { join } from "@std/path";
import type { Context } from "../context.ts";

export const memoriesDirectory = (context: Context): string =>
  join(context.paths.state, "machines", "memories");
