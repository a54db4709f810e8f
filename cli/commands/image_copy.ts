// drey image copy: an image of one remote becomes an image of another.

import { DreyError } from "../../errors.ts";
import type { Client } from "../../client/client.ts";
import type { Remote } from "../../client/remotes.ts";
import type { RunningOperation } from "../../client/operations.ts";
import type { Image, ImageAlias, ImagesPost } from "../../wire/image.ts";
import type { Server } from "../../wire/server.ts";
import { findOwned, type OwnedImage, pullSources } from "../image_pull.ts";
import { checkImageRemote, resolve, resolveOnServer } from "../resolve.ts";
import type { Shell } from "../shell.ts";
import { askRemote } from "./image.ts";

export async function copy(shell: Shell): Promise<void> {
  const { typed } = shell;
  const [what = "", where = ""] = typed.args;
  const from = resolve(what);
  checkImageRemote(from.remote);
  if (from.name === "") {
    throw new DreyError("BAD_REQUEST", { message: `Missing name of the image in "${what}"` });
  }
  const { remote: to, name } = resolveOnServer(where);
  if (name !== "") {
    throw new DreyError("BAD_REQUEST", {
      message: "A copy has no name of its own; give it one with --alias",
      hint: `Name the remote alone: ${to.name}:`,
    });
  }
  const target = await shell.connect(to);
  const copied = from.remote.isImageServer
    ? await fromImageServer(shell, { remote: from.remote, name: from.name, target })
    : await fromServer(shell, { from, to, target });
  shell.print(`Image copied with fingerprint: ${copied}\n`);
}

/** What the copy shall be like. */
function wishes(shell: Shell, aliases: readonly ImageAlias[]): Omit<ImagesPost, "source"> {
  const { typed } = shell;
  const named = typed.list("alias").map((name) => ({ name, description: "" }));
  const copied = typed.has("copy-aliases") ? aliases : [];
  const all = [...named, ...copied.filter(({ name }) => !named.some((alias) => alias.name === name))];
  return {
    auto_update: typed.has("auto-update"),
    public: typed.has("public"),
    ...typed.list("profile").length > 0 && { profiles: typed.list("profile") },
    ...all.length > 0 && { aliases: all },
  };
}

function start(target: Client, body: ImagesPost, project?: string): Promise<RunningOperation> {
  return target.start("images.create", {
    upload: { body: JSON.stringify(body), headers: { "content-type": "application/json" } },
    query: { project },
  });
}

async function fromImageServer(
  shell: Shell,
  { remote, name, target }: { remote: Remote; name: string; target: Client },
): Promise<string> {
  if ((shell.typed.text("mode") ?? "pull") !== "pull") {
    throw new DreyError("NOT_SUPPORTED", {
      message: "Images of an image server are pulled, in no other mode",
    });
  }
  const offered = shell.typed.has("copy-aliases") ? await askRemote(shell, remote, name) : [];
  const source = {
    type: "image",
    mode: "pull",
    protocol: remote.protocol,
    server: remote.address,
    alias: name,
    image_type: shell.typed.has("vm") ? "virtual-machine" : "container",
  };
  const body = { ...wishes(shell, offered[0]?.aliases ?? []), source };
  const ended = await shell.wait(await start(target, body, shell.typed.text("target-project")), name);
  return String(ended.metadata?.fingerprint ?? "");
}

interface Copying {
  from: { remote: Remote; name: string };
  to: Remote;
  target: Client;
}

async function fromServer(shell: Shell, { from, to, target }: Copying): Promise<string> {
  const project = shell.typed.text("target-project");
  if (from.remote.name === to.name && project === undefined) {
    throw new DreyError("BAD_REQUEST", { message: "Source and target of the copy are the same server" });
  }
  const owned = await findOwned(shell, from);
  const wish = wishes(shell, owned.image.aliases);
  const carry = { owned, wish, target, to, project, alias: from.name };
  const mode = shell.typed.text("mode") ?? "pull";
  if (mode === "pull") await pull(shell, carry);
  else if (mode === "push") await push(shell, carry);
  else await relay(shell, carry);
  await addAliases(target, { wish, fingerprint: owned.image.fingerprint, project });
  return owned.image.fingerprint;
}

interface Carrying {
  owned: OwnedImage;
  wish: Omit<ImagesPost, "source">;
  target: Client;
  to: Remote;
  project: string | undefined;
  /** as it was typed */
  alias: string;
}

async function pull(shell: Shell, { owned, wish, target, project, alias }: Carrying): Promise<void> {
  let failure: unknown;
  for (const source of await pullSources(owned)) {
    // an image that shall stay up to date is looked up again by its name
    const named = wish.auto_update && owned.image.public ? { ...source, alias, fingerprint: "" } : source;
    try {
      await shell.wait(await start(target, { ...wish, source: named }, project), alias);
      return;
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

async function push(shell: Shell, { owned, wish, target, to, project, alias }: Carrying): Promise<void> {
  const { client, image } = owned;
  const { environment } = await target.call("server.get") as Server;
  const [first] = environment.addresses;
  const address = to.address.startsWith("https://") ? to.address : first && `https://${first}`;
  if (address === undefined) {
    throw new DreyError("NOT_SUPPORTED", {
      message: `Nothing can be pushed to the remote "${to.name}": it does not listen on the network`,
      hint: "Let the image be carried by this side: --mode relay",
    });
  }
  const { fingerprint, properties, expires_at } = image;
  const body = { ...wish, properties, expires_at, source: { type: "image", mode: "push", fingerprint } };
  const token = await start(target, body, project);
  const secret = String(token.operation.metadata?.secret ?? "");
  const post = { target: address, certificate: environment.certificate, secret, ...project && { project } };
  await shell.wait(await client.start("image.push", { params: { fingerprint }, body: post }), alias);
}

/** The bytes as they come: both servers speak of files in the same form. */
async function relay(shell: Shell, { owned, wish, target, project, alias }: Carrying): Promise<void> {
  const { client, image } = owned;
  const response = await client.raw("image.export", { params: { fingerprint: image.fingerprint } });
  if (response.body === null) throw new DreyError("SERVER_FAILED", { message: "The server sent no image" });
  const headers = {
    "content-type": response.headers.get("content-type") ?? "application/octet-stream",
    "x-lxd-filename": image.filename,
    "x-lxd-fingerprint": image.fingerprint,
    "x-lxd-public": wish.public ? "1" : "0",
    "x-lxd-properties": new URLSearchParams(image.properties).toString(),
    ...wish.profiles !== undefined && {
      "x-lxd-profiles": new URLSearchParams(wish.profiles.map((name) => ["profile", name])).toString(),
    },
  };
  const upload = { body: response.body, headers };
  await shell.wait(await target.start("images.create", { upload, query: { project } }), alias);
}

/** Aliases that the server has not made itself. */
async function addAliases(
  target: Client,
  { wish, fingerprint, project }: {
    wish: Omit<ImagesPost, "source">;
    fingerprint: string;
    project: string | undefined;
  },
): Promise<void> {
  const query = { project };
  const { aliases } = await target.call("image.get", { params: { fingerprint }, query }) as Image;
  const have = new Set(aliases.map(({ name }) => name));
  for (const { name, description = "" } of wish.aliases ?? []) {
    if (have.has(name)) continue;
    await target.call("image.aliases.create", { body: { name, description, target: fingerprint }, query });
  }
}
