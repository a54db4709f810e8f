// Builds an image with mmdebstrap(1), as root of the image's id map. Everything of the build is below one directory
// and in one pid namespace, which ends when drey does.

import { proxyVariables } from "./proxies.ts";
import { DreyError } from "../errors.ts";
import { grantCommand } from "../idmap/grant.ts";
import { openMappedRoot } from "../idmap/holder.ts";
import { type IdMap, isSingle } from "../idmap/map.ts";
import { commandFailed, fullPath, run, spawn } from "../sys/run.ts";
import { chooseMirrors, readAptSources } from "./apt_sources.ts";
import { nextProgress, notStarted, percentOf } from "./debian_progress.ts";
import { keyrings, makeRecipe, mmdebstrapArgs, type Recipe } from "./debian_recipe.ts";
import { allSuites, type Suite, suiteAlias, type Variant } from "./debian_suites.ts";
import { imageWriter } from "./fingerprint.ts";
import { debianArchitecture, formatMetadata, type ImageMetadata } from "./metadata.ts";
import { writeTar } from "./tar.ts";

export interface BuildOptions {
  /** kernel's name */
  architecture: string;
  map: IdMap;
  /** name of the user whose ids these are */
  user: string;
  /** directory of this build; its parent is closed to other users */
  directory: string;
  now: Date;
  variant?: Variant;
  /** changes the recipe that follows from the suite */
  adapt?(recipe: Recipe): Recipe;
  signal?: AbortSignal;
  progress(text: string): void;
}

export interface BuiltImage {
  fingerprint: string;
  size: number;
  metadata: ImageMetadata;
}

/**
 * Writes `metadata` and `rootfs` of a fresh image into the directory.
 *
 * @throws {DreyError} `NETWORK`, `NO_SPACE`, `TOOL_MISSING`, `SUBID_MISSING`
 */
export async function buildDebian(suite: Suite, options: BuildOptions): Promise<BuiltImage> {
  const { architecture, directory, map, now, adapt = (recipe) => recipe } = options;
  await checkHost(suite, map, options.user);
  const recipe = adapt(hostRecipe(suite, debianArchitecture(architecture), options.variant));
  const metadata = describeImage(recipe, architecture, now);
  const writer = await imageWriter();
  const file = (name: string, text: string) => ({
    name,
    content: new TextEncoder().encode(text),
    mtime: now,
  });
  const tar = writeTar([
    file("metadata.yaml", await formatMetadata(metadata)),
    ...recipe.templates.map(({ template, text }) => file(`templates/${template}`, text)),
  ]);
  const zipped = new Blob([tar as BlobPart]).stream().pipeThrough(new CompressionStream("gzip"));
  let size = await writer.write(`${directory}/metadata`, zipped);
  await Deno.mkdir(`${directory}/work`);
  await Deno.chmod(`${directory}/work`, 0o777);
  size += await buildRootfs(recipe, {
    ...options,
    write: (content) => writer.write(`${directory}/rootfs`, content),
  });
  return { fingerprint: writer.fingerprint(), size, metadata };
}

// Run as root of the map, first process of a pid namespace, in the work directory. Standard input is a pipe from drey:
// its end means that drey is gone, and so shall the build be. The directory may lie below a home this root cannot
// enter, hence the bind mount. A background command would get /dev/null as its input, hence descriptor 3.
const buildScript = `
mount -t proc proc /proc
mount -c --bind . /tmp
cd /tmp
export TMPDIR=/tmp HOME=/root LC_ALL=C.UTF-8
exec 3<&0 </dev/null
"$@" 3<&- &
build=$!
{ cat <&3 >/dev/null; kill -9 -1; } >/dev/null 2>&1 &
wait $build`;

async function buildRootfs(
  recipe: Recipe,
  options: BuildOptions & { write(content: AsyncIterable<Uint8Array>): Promise<number> },
): Promise<number> {
  const { directory, map, signal } = options;
  await using mapped = await openMappedRoot(map);
  const inside = ["unshare", "-m", "-p", "-f", "--kill-child", "sh", "-c", buildScript, "build"];
  const argv = mapped.command([...inside, ...mmdebstrapArgs(recipe)]);
  const compress = await hasTool("zstd") ? "zstd -q -T0 -3 -c" : "gzip -1 -c";
  const pipeline = `{ "$@"; echo $? >../status; } | ${compress}`;
  const child = spawn(["sh", "-c", pipeline, "sh", ...argv], {
    cwd: `${directory}/work`,
    env: { PATH: fullPath(), ...await aptProxies(), ...proxyVariables() },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
  // its standard input ends, and the first process of the namespace kills the rest
  const cancel = () => void child.stdin.close().catch(() => {});
  signal?.addEventListener("abort", cancel, { once: true });
  try {
    const [size, said, status] = await Promise.all([
      options.write(child.stdout).finally(cancel),
      follow(child.stderr, options.progress),
      child.status,
    ]);
    signal?.throwIfAborted();
    const code = Number(await Deno.readTextFile(`${directory}/status`));
    if (code !== 0) throw buildFailed(recipe, code, said);
    if (status.code !== 0) throw commandFailed(compress, { code: status.code, stderr: said.join("\n") });
    return size;
  } finally {
    signal?.removeEventListener("abort", cancel);
    cancel();
  }
}

/** Reads what the build says, reports progress, and keeps the lines that matter if it fails. */
async function follow(stderr: ReadableStream<Uint8Array>, report: (text: string) => void): Promise<string[]> {
  const kept: string[] = [];
  let progress = notStarted;
  let shown = -1;
  let rest = "";
  for await (const text of stderr.pipeThrough(new TextDecoderStream() as TextTransform)) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      progress = nextProgress(progress, line);
      if (/^\s*(E:|Err:|W:|.*[Ee]rror|.*No space|.*not installed)/.test(line)) kept.push(line.trim());
    }
    const percent = percentOf(progress);
    if (percent > shown) report(`rootfs: ${percent}%`);
    shown = Math.max(shown, percent);
  }
  return [...kept, rest].filter((line) => line !== "").slice(-200);
}

type TextTransform = TransformStream<Uint8Array, string>;

function buildFailed(recipe: Recipe, code: number, said: readonly string[]): DreyError {
  const name = suiteAlias(recipe.suite);
  const find = (pattern: RegExp) => said.find((line) => pattern.test(line));
  const full = find(/No space left|Disk quota exceeded/);
  if (full !== undefined) {
    return new DreyError("NO_SPACE", { message: `Cannot build image "${name}": the disk is full` });
  }
  const network = find(
    /Could not (resolve|connect)|Failed to fetch|Unable to connect|Temporary failure|timed out|does not have a Release/,
  );
  if (network !== undefined) {
    return new DreyError("NETWORK", {
      message: `Cannot build image "${name}": ${tidy(network)}`,
      hint: `Name a mirror that answers in /etc/apt/sources.list or ${mirrorVariable(recipe.suite)}`,
    });
  }
  // the first complaint says what happened, those after it only who gave up because of it
  const first = said.find((line) => /^E:/.test(line)) ?? said[0];
  return new DreyError("COMMAND_FAILED", {
    message: `Cannot build image "${name}": ${tidy(first ?? `mmdebstrap ended with status ${code}`)}`,
  });
}

/** A complaint of apt as part of a sentence. */
const tidy = (line: string) => line.replace(/^(E|Err|W):\s*/, "").replace(/\.$/, "").replace(/\s+/g, " ");

async function checkHost({ distribution, ...suite }: Suite, map: IdMap, user: string): Promise<void> {
  const alias = suiteAlias({ distribution, ...suite });
  if (isSingle(map)) {
    throw new DreyError("SUBID_MISSING", {
      message: `Cannot build image "${alias}": the user has no subordinate ids, and Debian needs them`,
      hint: `Ask an administrator to run: ${grantCommand(user)}`,
    });
  }
  if (!await hasTool("mmdebstrap")) {
    throw new DreyError("TOOL_MISSING", {
      message: `Cannot build image "${alias}": mmdebstrap is not installed`,
      hint: "Ask an administrator to run: apt-get install mmdebstrap",
    });
  }
  const keyring = keyrings[distribution];
  try {
    await Deno.stat(keyring.path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new DreyError("TOOL_MISSING", {
      message: `Cannot build image "${alias}": the archive keys of ${distribution} are not installed`,
      hint: `Ask an administrator to run: apt-get install ${keyring.package}`,
    });
  }
}

function hostRecipe(suite: Suite, architecture: string, variant?: Variant): Recipe {
  const codenames = allSuites().filter((s) => s.distribution === suite.distribution).map((s) => s.codename);
  const host = chooseMirrors(readAptSources("/etc/apt"), suite.distribution, codenames);
  const override = Deno.env.get(mirrorVariable(suite));
  return makeRecipe(suite, {
    architecture,
    host,
    override: override === "" ? undefined : override,
    ...variant && { variant },
  });
}

const mirrorVariable = ({ distribution }: Suite) => `DREY_${distribution.toUpperCase()}_MIRROR`;

/** The description of a build, in the words LXD's image server uses. */
export function describeImage(recipe: Recipe, architecture: string, now: Date): ImageMetadata {
  const { distribution, codename, version } = recipe.suite;
  const os = distribution === "debian" ? "Debian" : "Ubuntu";
  const serial = now.toISOString().slice(0, 16).replaceAll("-", "").replace("T", "_");
  const created = Math.floor(now.getTime() / 1000);
  // lists show no more than this of images without an alias
  const variant = recipe.variant === "default" ? "" : ` (${recipe.variant})`;
  return {
    architecture,
    creation_date: created,
    expiry_date: recipe.expiry === undefined ? 0 : created + recipe.expiry,
    properties: {
      architecture: recipe.architecture,
      description: `${os} ${codename} ${recipe.architecture}${variant} (${serial})`,
      os,
      release: codename,
      serial,
      variant: recipe.variant,
      ...version === "" ? {} : { version },
      ...recipe.properties,
    },
    templates: Object.fromEntries(
      recipe.templates.map(({ path, text: _text, ...template }) => [path, template]),
    ),
  };
}

/** The host's proxies for apt, which mmdebstrap does not take over by itself. */
async function aptProxies(): Promise<Record<string, string>> {
  const { code, stdout } = await run([
    "apt-config",
    "dump",
    "--no-empty",
    "Acquire::http::Proxy",
    "Acquire::https::Proxy",
  ]);
  if (code !== 0) return {};
  const pairs = [...stdout.matchAll(/^Acquire::(https?)::Proxy "(.*)";$/gm)];
  return Object.fromEntries(pairs.map(([, scheme, proxy]) => [`${scheme}_proxy`, proxy ?? ""]));
}

async function hasTool(name: string): Promise<boolean> {
  return (await run(["sh", "-c", `command -v ${name}`], { env: { PATH: fullPath() } })).code === 0;
}
