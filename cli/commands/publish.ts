// drey publish: an image made of an instance or of a snapshot.

import { DreyError } from "../../errors.ts";
import type { Client } from "../../client/client.ts";
import { keyValues, resolveName, resolveOnServer } from "../resolve.ts";
import { type Interrupts, noteInterrupts } from "../interrupts.ts";
import { cancelOrSay } from "../progress.ts";
import type { Shell } from "../shell.ts";

export async function publish(shell: Shell): Promise<void> {
  const { typed } = shell;
  const [source = "", ...rest] = typed.args;
  const { remote, name } = resolveName(source, "instance");
  const isRemote = (word: string) => /^[\w-]+:$/.test(word);
  const target = rest.find(isRemote);
  if (target !== undefined && resolveOnServer(target).remote.name !== remote.name) {
    throw new DreyError("NOT_SUPPORTED", {
      message: "An image is made where its instance is",
      hint: `Publish it there, then: drey image copy ${remote.name}:IMAGE ${target}`,
    });
  }
  const client = await shell.connect(remote);
  const aliases = typed.list("alias");
  const old = await existing(client, aliases);
  if (old.length > 0 && !typed.has("reuse")) {
    throw new DreyError("ALREADY_EXISTS", {
      message: `Alias "${old[0]?.name}" already exists`,
      hint: "Take another one, or replace its image with --reuse",
    });
  }
  // an instance that was stopped is started again, whatever comes
  using interrupts = typed.has("force") ? noteInterrupts() : undefined;
  await using _again = name.includes("/") ? undefined : await stopped(shell, client, { name, interrupts });
  interrupts?.heed();
  const words = rest.filter((word) => !isRemote(word));
  const fresh = aliases.filter((alias) => old.every(({ name }) => name !== alias));
  const fingerprint = await make(shell, client, { name, words, aliases: fresh, interrupts });
  for (const { name } of old) {
    // what it points to by now: somebody else may have published under it meanwhile
    const { target, description } = await client.call("image.alias.get", { params: { name } });
    await client.call("image.alias.update", {
      params: { name },
      body: { target: fingerprint, description },
    });
    await removeIfNameless(shell, client, target);
  }
  shell.print(`Instance published with fingerprint: ${fingerprint}\n`);
}

async function make(
  shell: Shell,
  client: Client,
  { name, words, aliases, interrupts }: {
    name: string;
    words: string[];
    /** those that are not there yet */
    aliases: string[];
    interrupts: Interrupts | undefined;
  },
): Promise<string> {
  const { typed } = shell;
  const body = {
    source: { type: name.includes("/") ? "snapshot" : "instance", name },
    public: typed.has("public"),
    properties: keyValues(words),
    aliases: aliases.map((name) => ({ name })),
    ...typed.text("compression") !== undefined && { compression_algorithm: typed.text("compression") },
    ...typed.text("expire") !== undefined && { expires_at: readTime(typed.text("expire") ?? "") },
  };
  const running = await client.start("images.create", {
    upload: { body: JSON.stringify(body), headers: { "content-type": "application/json" } },
  });
  using _cancelling = interrupts?.during(() => cancelOrSay(running));
  const { metadata } = await shell.wait(running, name, { heedsInterrupt: interrupts === undefined });
  return String(metadata?.fingerprint ?? "");
}

function readTime(text: string): string {
  const time = new Date(text.replace(" ", "T"));
  if (!Number.isNaN(time.getTime())) return time.toISOString();
  throw new DreyError("BAD_REQUEST", { message: `"${text}" is no date`, hint: "Write it as 2027-01-31" });
}

/** Aliases that exist already, with what they point to. */
async function existing(
  client: Client,
  names: readonly string[],
): Promise<{ name: string; target: string }[]> {
  const found = await Promise.all(
    names.map((name) => client.call("image.alias.get", { params: { name } }).catch(orAbsent)),
  );
  return found.filter((alias) => alias !== undefined);
}

/** Nothing in the place of what is not there. */
function orAbsent(error: unknown): undefined {
  if (!(error instanceof DreyError) || error.code !== "NOT_FOUND") throw error;
}

/** An image that has lost its last name to a newer one. */
async function removeIfNameless(shell: Shell, client: Client, fingerprint: string): Promise<void> {
  const params = { fingerprint };
  const image = await client.call("image.get", { params }).catch(orAbsent);
  if (image === undefined || image.aliases.length > 0) return;
  await shell.wait(await client.start("image.delete", { params }), fingerprint);
}

/** Stops a running instance if that was allowed; it runs again when disposed. */
async function stopped(
  shell: Shell,
  client: Client,
  { name, interrupts }: { name: string; interrupts: Interrupts | undefined },
): Promise<AsyncDisposable | undefined> {
  const { status } = await client.call("instance.state", { params: { name } });
  if (status === "Stopped") return undefined;
  if (interrupts === undefined) {
    throw new DreyError("INSTANCE_STATE", {
      message: `Instance "${name}" is running`,
      hint: "Stop it first, or have that done with --force",
    });
  }
  const change = async (action: "start" | "stop") => {
    const body = { action, timeout: -1, force: false, stateful: false };
    const running = await client.start("instance.state.change", { params: { name }, body });
    await shell.wait(running, name, { heedsInterrupt: false });
  };
  await change("stop");
  return {
    async [Symbol.asyncDispose]() {
      interrupts.forget();
      await change("start");
    },
  };
}
