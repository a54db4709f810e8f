// The environment of an instance. It has a file of its own since every command that is run in one reads it, and no other key.

import { key } from "./key.ts";
import { string } from "./types.ts";

export const environment = key({
  name: "environment.*",
  on: ["container", "virtual-machine"],
  type: string,
  live: true,
  short: "Environment variable of the init and of commands run in the instance",
});
