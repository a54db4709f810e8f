// drey completion: scripts for shells, and the words that may come next.

import { DreyError } from "../../errors.ts";
import { commands, groups } from "../commands.ts";
import { type Candidates, candidates, type Owner, type Wanted } from "../complete.ts";
import { resolve, resolveOnServer } from "../resolve.ts";
import type { Shell } from "../shell.ts";
import { type Remote, remotes } from "../../client/remotes.ts";
import type { Instance } from "../../wire/instance.ts";

const scripts: Record<string, string> = {
  bash: `_drey() {
    local line=\${COMP_LINE:0:COMP_POINT} words
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    local current=\${words[-1]}
    mapfile -t COMPREPLY < <(drey __complete -- "\${words[@]:1}" 2>/dev/null)
    [[ \${COMPREPLY[0]} == *[=.:/] ]] && compopt -o nospace
    # bash splits words at colons: what stands before the last one is there already
    [[ $current == *:* ]] && COMPREPLY=("\${COMPREPLY[@]#"\${current%:*}":}")
}
complete -o default -F _drey drey
`,
  zsh: `#compdef drey
_drey() {
    local -a found
    found=("\${(@f)$(drey __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ -z "$found" ]]; then _files; return; fi
    compadd -S '' -- \${(M)found:#*[=.:/]}
    compadd -- \${found:#*[=.:/]}
}
if [[ "$funcstack[1]" = "_drey" ]]; then _drey "$@"; else compdef _drey drey; fi
`,
  fish: `function __drey_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l found (drey __complete -- $words[2..-1] 2>/dev/null)
    if test -n "$found"
        printf '%s\\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c drey -f -a '(__drey_complete)'
`,
};

export function completion(shell: Shell): Promise<void> {
  const [name = ""] = shell.typed.args;
  const script = Object.hasOwn(scripts, name) ? scripts[name] : undefined;
  if (script === undefined) {
    throw new DreyError("BAD_REQUEST", {
      message: `There is no completion for "${name}"; there is for ${Object.keys(scripts).join(", ")}`,
    });
  }
  shell.print(script);
  return Promise.resolve();
}

export async function complete(shell: Shell): Promise<void> {
  const words = shell.typed.args;
  const typed = words.at(-1) ?? "";
  const found = candidates(words, { commands, groups });
  const names = await namesOf(shell, found, typed);
  const keys = found.keysOf || found.deviceType ? await keyWords(found, words) : [];
  for (const word of [...found.words, ...names, ...keys]) {
    if (word.startsWith(typed)) shell.print(`${word}\n`);
  }
}

/** Keys that people set; those with any ending are offered up to it, and `set` and `create` go on with a value. */
async function keyWords(
  { keysOf: entity, deviceType }: Candidates,
  words: readonly string[],
): Promise<string[]> {
  if (deviceType !== undefined) {
    const { deviceTypes } = await import("../../config/device_keys.ts");
    return deviceTypes.find(({ type }) => type === deviceType)?.keys.map(({ name }) => `${name}=`) ?? [];
  }
  const { keyTables } = await import("../../config/all_keys.ts");
  const { keys = [] } = keyTables.find((table) => table.entity === entity) ?? {};
  const end = words.some((word) => word === "set" || word === "create") ? "=" : "";
  return keys.filter(({ internal }) => !internal).map(({ name }) =>
    name.includes("*") ? name.slice(0, name.indexOf("*")) : `${name}${end}`
  );
}

async function namesOf(shell: Shell, { wanted, owner }: Candidates, typed: string): Promise<string[]> {
  if (owner !== undefined) return await partsOf(shell, owner);
  if (wanted === undefined) return [];
  if (wanted === "device-type") {
    return (await import("../../config/device_keys.ts")).deviceTypes.map(({ type }) => type);
  }
  if (wanted === "path" && typed.includes("/")) return await pathsOf(shell, typed);
  const colon = typed.indexOf(":");
  const prefix = typed.slice(0, colon + 1);
  const others = wanted === "image" || wanted === "remote"
    ? remotes()
    : remotes().filter((row) => !row.isImageServer);
  const remoteNames = colon === -1 ? others.map(({ name }) => `${name}:`) : [];
  if (wanted === "remote") return remoteNames;
  const { remote } = resolve(typed);
  if (remote.isImageServer) return (await buildable(shell, remote)).map((name) => `${prefix}${name}`);
  const found = await listNames(shell, wanted, colon === -1 ? "" : prefix);
  return [...found.map((name) => `${prefix}${name}`), ...(wanted === "image" ? remoteNames : [])];
}

async function partsOf(shell: Shell, owner: Owner): Promise<string[]> {
  const { remote, name } = resolveOnServer(owner.name);
  const client = await shell.connect(remote);
  if (owner.kind === "snapshots") return lastWords(await client.call("snapshots.list", { params: { name } }));
  if (owner.kind === "volumes") {
    return lastWords(await client.call("volumes.typed.list", { params: { pool: name, type: "custom" } }));
  }
  const { devices } = owner.kind === "profile"
    ? await client.call("profile.get", { params: { name } })
    : { devices: (await client.call("instance.get", { params: { name } }) as Instance).expanded_devices };
  return Object.keys(devices ?? {});
}

/** Paths in an instance that begin as typed; the only one ends with a slash if it is a directory. */
async function pathsOf(shell: Shell, typed: string): Promise<string[]> {
  const slash = typed.indexOf("/");
  const { remote, name } = resolveOnServer(typed.slice(0, slash));
  const client = await shell.connect(remote);
  const directory = typed.slice(0, typed.lastIndexOf("/") + 1);
  const address = (word: string) =>
    `/1.0/instances/${encodeURIComponent(name)}/files?path=${encodeURIComponent(word.slice(slash))}`;
  const answer = await client.send("GET", address(directory));
  if (answer.headers.get("x-lxd-type") !== "directory") return [];
  const { metadata } = await answer.json() as { metadata: string[] };
  const found = metadata.map((word) => `${directory}${word}`).filter((word) => word.startsWith(typed));
  const [only] = found;
  if (only === undefined || found.length > 1) return found;
  const { headers } = await client.send("HEAD", address(only));
  return [headers.get("x-lxd-type") === "directory" ? `${only}/` : only];
}

/** What is built on this machine; other image servers would have to be asked for their lists. */
async function buildable(shell: Shell, { protocol, address }: Remote): Promise<string[]> {
  if (protocol !== "debian") return [];
  const client = await shell.connect(resolveOnServer("local:").remote);
  const images = await client.call("remote.images", { query: { server: address, protocol } });
  return images.flatMap(({ aliases }) => aliases.map(({ name }) => name));
}

/** What whole lists are asked for. */
type Listed = Exclude<Wanted, "remote" | "device-type">;

const lastWords = (addresses: readonly string[]) =>
  addresses.map((address) => decodeURIComponent(address.split("/").at(-1) ?? ""));

async function listNames(shell: Shell, wanted: Listed, remote: string): Promise<string[]> {
  const client = await shell.connect(resolveOnServer(remote).remote);
  switch (wanted) {
    case "path":
      return lastWords(await client.call("instances.list")).map((name) => `${name}/`);
    case "instance":
      return lastWords(await client.call("instances.list"));
    case "profile":
      return lastWords(await client.call("profiles.list"));
    case "project":
      return lastWords(await client.call("projects.list"));
    case "pool":
      return lastWords(await client.call("pools.list"));
    case "network":
      return lastWords(await client.call("networks.list"));
    case "alias":
      return lastWords(await client.call("image.aliases.list"));
    case "image": {
      const images = await client.call("images.list", { query: { recursion: 1 } });
      return images.flatMap(({ fingerprint, aliases }) => [
        ...aliases.map(({ name }) => name),
        fingerprint.slice(0, 12),
      ]);
    }
    case "operation": {
      const found = await client.call("operations.list", { query: { recursion: 1 } });
      return Object.values(found).flat().map(({ id }) => id);
    }
  }
}
