// What remotes offer, as images that are not here yet.

import { DreyError } from "../../errors.ts";
import { findInCatalog } from "../../images/simplestreams.ts";
import type { Image } from "../../wire/image.ts";
import type { Context } from "../context.ts";

export interface RemoteQuestion {
  server: string;
  protocol: string;
  type: Image["type"];
  /** only the image of this alias or fingerprint */
  alias?: string;
}

/**
 * The images of a server, or the one of an alias.
 *
 * @throws {DreyError} `NOT_FOUND` for an alias it does not have, `NETWORK`, `NOT_SUPPORTED` for a protocol without lists
 */
export async function remoteImages(context: Context, question: RemoteQuestion): Promise<Image[]> {
  const { server, protocol, type, alias } = question;
  if (protocol === "debian") return await debianImages(alias);
  const { followProxies } = await import("./outgoing.ts");
  await followProxies(context);
  if (protocol === "oci" && alias !== undefined) {
    const { ociOffer } = await import("./remote_oci.ts");
    return [await ociOffer(server, alias)];
  }
  if (protocol !== "simplestreams") {
    throw new DreyError("NOT_SUPPORTED", {
      message: `Cannot list the images of "${server}": the ${protocol} protocol has no such list`,
      hint: "Name the image you want",
    });
  }
  const { simplestreamsCatalog } = await import("./remote_simplestreams.ts");
  const all = await simplestreamsCatalog(context, server);
  const shown = ({ files: _files, names: _names, ...image }: typeof all[number]): Image => ({
    ...image,
    profiles: ["default"],
    project: "default",
    last_used_at: "1970-01-01T00:00:00Z",
  });
  if (alias === undefined) return all.map(shown);
  const found = findInCatalog(all, { name: alias, type, architecture: Deno.build.arch });
  if (found !== undefined) return [shown(found)];
  throw new DreyError("NOT_FOUND", { message: `The image server "${server}" has no image "${alias}"` });
}

/** The suites that can be built here. They have no fingerprint before they are. */
async function debianImages(alias: string | undefined): Promise<Image[]> {
  const { allSuites, suiteAlias, parseAlias } = await import("../../images/debian_suites.ts");
  const { kernelArchitecture } = await import("../../images/metadata.ts");
  const wanted = alias === undefined ? allSuites() : [parseAlias(alias, kernelArchitecture).suite];
  const never = "1970-01-01T00:00:00Z";
  return wanted.map((suite) => ({
    fingerprint: "",
    type: "container",
    architecture: Deno.build.arch,
    filename: "",
    size: 0,
    properties: {
      os: suite.distribution === "debian" ? "Debian" : "Ubuntu",
      release: suite.codename,
      description: `${suiteAlias(suite)}, built here when it is launched`,
      ...suite.version && { version: suite.version },
    },
    aliases: [suite.version, suite.codename, suiteAlias(suite)]
      .filter((name, at, all) => name !== "" && all.indexOf(name) === at)
      .flatMap((name) => [name, `${name}/cloud`, `${name}/minimal`])
      .map((name) => ({ name, description: "" })),
    public: true,
    cached: false,
    auto_update: false,
    profiles: ["default"],
    project: "default",
    created_at: never,
    expires_at: never,
    last_used_at: never,
    uploaded_at: never,
  }));
}
