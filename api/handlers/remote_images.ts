// Where images come from: what image servers offer, and what is built here. LXD's clients ask the servers themselves;
// drey's own command asks through here, so that what they said is kept in one place.

import { remoteImages } from "../../domain/images/remote.ts";
import type { Handlers } from "../call.ts";

export const handlers: Handlers<"remote.images" | "images.build" | "images.prune"> = {
  "images.prune": async ({ context, body }) => {
    const { planPrune, prune } = await import("../../domain/images/prune.ts");
    return await (body.plan ? planPrune(context) : prune(context));
  },
  "images.build": async ({ context, project, body }) => {
    const { buildImage } = await import("../../domain/images/build.ts");
    return await buildImage(context, project, body);
  },
  "remote.images": ({ context, query }) => {
    const alias = query("alias");
    return remoteImages(context, {
      server: query("server") ?? "",
      protocol: query("protocol") ?? "",
      type: query("type") === "virtual-machine" ? "virtual-machine" : "container",
      ...alias && { alias },
    });
  },
};
