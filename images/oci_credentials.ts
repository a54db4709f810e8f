// What `skopeo login`, `podman login` or `docker login` has kept for a registry, in a file or with a program that keeps
// it: containers-auth.json(5), and the protocol of docker-credential-helpers.

import { DreyError } from "../errors.ts";
import { run, type RunResult } from "../sys/run.ts";
import type { Reference } from "./oci_registry.ts";

export interface Credentials {
  /** {@link identityUser} if the password is an identity token */
  user: string;
  password: string;
}

/** The name under which helpers hand out identity tokens. */
export const identityUser = "<token>";

interface AuthFile {
  auths?: Record<string, { auth?: string; identitytoken?: string }>;
  /** helpers by registry */
  credHelpers?: Record<string, string>;
  /** helper for all others */
  credsStore?: string;
}

/**
 * The credentials for a repository, the most particular ones first.
 *
 * @param env looks up an environment variable
 * @throws {DreyError} `BAD_REQUEST` for a file that cannot be read, `TOOL_MISSING`, `COMMAND_FAILED` for a helper
 */
export async function readCredentials(
  { host, repository }: Pick<Reference, "host" | "repository">,
  env: (name: string) => string | undefined,
): Promise<Credentials | undefined> {
  const words = repository.split("/");
  const spaces = words.map((_, index) => `${host}/${words.slice(0, words.length - index).join("/")}`);
  const hub = host === "docker.io" ? ["https://index.docker.io/v1/", "index.docker.io"] : [];
  const names = [...spaces, host, ...hub];
  for (const path of filesOf(env)) {
    const { auths = {}, credHelpers = {}, credsStore } = await readAuthFile(path);
    const named = names.find((name) => credHelpers[name] !== undefined);
    if (named !== undefined) return await askHelper(credHelpers[named] ?? "", named, "must");
    const kept = names.map((name) => auths[name]).find((row) => row?.auth || row?.identitytoken);
    if (kept !== undefined) return decode(kept);
    if (!credsStore) continue;
    const found = await askHelper(credsStore, hub[0] ?? host, "may");
    if (found !== undefined) return found;
  }
  return undefined;
}

function filesOf(env: (name: string) => string | undefined): string[] {
  const home = env("HOME") ?? "/";
  const runtime = env("XDG_RUNTIME_DIR");
  const files = [
    env("REGISTRY_AUTH_FILE"),
    runtime && `${runtime}/containers/auth.json`,
    `${env("XDG_CONFIG_HOME") ?? `${home}/.config`}/containers/auth.json`,
    `${env("DOCKER_CONFIG") ?? `${home}/.docker`}/config.json`,
  ];
  return files.filter((path): path is string => Boolean(path));
}

function decode({ auth = "", identitytoken }: { auth?: string; identitytoken?: string }): Credentials {
  if (identitytoken) return { user: identityUser, password: identitytoken };
  const [user = "", ...password] = atob(auth).split(":");
  return { user, password: password.join(":") };
}

/**
 * Asks `docker-credential-NAME`. One that is named for everything may be missing: such a line outlives the desktop it
 * came with, and most images are for everybody.
 */
async function askHelper(
  name: string,
  registry: string,
  presence: "must" | "may",
): Promise<Credentials | undefined> {
  const program = `docker-credential-${name}`;
  if (!/^[\w.-]+$/.test(name)) {
    throw new DreyError("BAD_REQUEST", { message: `Cannot use the credential helper "${name}": no program` });
  }
  let result: RunResult;
  try {
    result = await run([program, "get"], { stdin: registry });
  } catch (error) {
    if (!(error instanceof DreyError) || error.code !== "TOOL_MISSING") throw error;
    if (presence === "may") return undefined;
    throw new DreyError("TOOL_MISSING", {
      message: `Cannot log in to ${registry}: its credential helper ${program} is not installed`,
      cause: error,
    });
  }
  const said = `${result.stdout}${result.stderr}`.trim();
  if (result.code !== 0) {
    // what each helper says of a registry it knows nothing of
    if (/credentials not found/i.test(said)) return undefined;
    throw new DreyError("COMMAND_FAILED", {
      message: `Cannot log in to ${registry}: ${program} ended with status ${result.code}: ${
        said.slice(0, 200)
      }`,
    });
  }
  const { Username: user = "", Secret: password = "" } = parse(program, result.stdout);
  return { user, password };
}

function parse(program: string, text: string): { Username?: string; Secret?: string } {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new DreyError("COMMAND_FAILED", { message: `${program} answered with no JSON`, cause: error });
  }
}

async function readAuthFile(path: string): Promise<AuthFile> {
  try {
    return JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return {};
    if (!(error instanceof SyntaxError)) throw error;
    throw new DreyError("BAD_REQUEST", { message: `Cannot read "${path}": it is no JSON`, cause: error });
  }
}
