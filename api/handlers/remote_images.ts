// What image servers offer. LXD's clients ask them themselves; drey's own command asks through here, so that what was
// said is kept in one place.

import { remoteImages } from "../../domain/images/remote.ts";
import type { Handlers } from "../call.ts";

export const handlers: Handlers<"remote.images"> = {
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
