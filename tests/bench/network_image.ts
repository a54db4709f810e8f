// The image of the networks' bench: tiny with iperf3 and ping, as a file in the directory that is named.

import { makeTinyImage } from "../support/tiny_image.ts";

const [directory] = Deno.args;
if (directory === undefined) throw new Error("Usage: network_image.ts DIRECTORY");
console.log(await makeTinyImage(directory, ["iperf3", "ping"]));
