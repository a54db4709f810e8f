// Making friends with a server: its certificate is looked at and accepted, ours is brought to it with a token.

import { decodeToken, type TrustToken } from "../auth/tokens.ts";
import { isSame } from "../auth/tls.ts";
import { DreyError } from "../errors.ts";
import type { CertificatesPost } from "../wire/certificate.ts";
import type { Server, ServerUntrusted } from "../wire/server.ts";
import { readAnswer } from "./answers.ts";
import { type Client, createClient } from "./client.ts";
import { overHttps } from "./https.ts";
import { clientIdentity } from "./identity.ts";
import { type RemoteEntry, serverCertificatePath, writePrivate } from "./remotes_file.ts";
import { type HttpsServer, lookAtServer, type Shown } from "../auth/connect.ts";

export interface Adding {
  /** what the remote will be called */
  name: string;
  /** an address, a URL, or a token that says both where the server is and that we may come */
  where: string;
  token?: string;
  /** whether only public images are wanted, and nobody needs to know us */
  isPublic: boolean;
  project?: string;
}

/** What a person is asked and told meanwhile. */
export interface Person {
  /** whether this is the certificate they expect */
  accepts(fingerprint: string): Promise<boolean>;
  token(): Promise<string>;
  say(line: string): void;
}

/**
 * Adds a server to those we know; what is returned belongs into the file of remotes.
 *
 * @throws {DreyError} `NETWORK`, `FORBIDDEN` if the server or we are refused
 */
export async function addServer(directory: string, adding: Adding, person: Person): Promise<RemoteEntry> {
  const token = decodeToken(adding.token ?? adding.where);
  if (adding.token !== undefined && token === undefined) throw bad("This is no token of a server");
  const isPlace = decodeToken(adding.where) === undefined;
  const { address, shown } = await reach(isPlace ? [adding.where] : token?.addresses ?? []);
  await accept(address, shown, token, person);
  const server: HttpsServer = {
    address,
    ...(!shown.isVouchedFor && { certificate: shown.certificate }),
    ...(!adding.isPublic && {
      identity: await clientIdentity(directory, () => person.say("Made a certificate for this client")),
    }),
  };
  await using client = createClient(overHttps(server));
  const isPublic = await introduce(
    client,
    { ...adding, token: token && (adding.token ?? adding.where) },
    person,
  );
  const project = isPublic ? undefined : await chooseProject(client, adding.project, person);
  if (server.certificate !== undefined) {
    await writePrivate(serverCertificatePath(directory, adding.name), server.certificate);
  }
  return {
    addr: address,
    auth_type: "tls",
    protocol: "lxd",
    public: isPublic,
    ...(project !== undefined && { project }),
  };
}

/** `https://host:port` of what was typed: LXD's port where none is named, for a URL as well. */
export function serverAddress(where: string): string {
  const isBareIPv6 = /^[0-9a-f:.]+$/i.test(where) && where.split(":").length > 2;
  const text = /^[a-z]+:\/\//i.test(where) ? where : `https://${isBareIPv6 ? `[${where}]` : where}`;
  if (!URL.canParse(text) || new URL(text).protocol !== "https:") {
    throw bad(
      `Cannot connect to "${where}": the address of a server is host, host:port or https://host:port`,
    );
  }
  const { hostname } = new URL(text);
  // the parser of URLs leaves out the port it expects
  const port = /^https:\/\/(?:[^@/]*@)?(?:\[[^\]]*\]|[^:/]*):(\d+)/i.exec(text)?.[1] ?? "8443";
  return `https://${hostname}:${port}`;
}

/** The first address that answers. */
async function reach(places: readonly string[]): Promise<{ address: string; shown: Shown }> {
  let last: unknown = bad("The token names no address of its server");
  for (const place of places) {
    const address = serverAddress(place);
    try {
      return { address, shown: await lookAtServer(address) };
    } catch (error) {
      last = error;
    }
  }
  throw last;
}

/** A token names the certificate; else an authority, or a person, must know it. */
async function accept(
  address: string,
  { fingerprint, isVouchedFor }: Shown,
  token: TrustToken | undefined,
  person: Person,
): Promise<void> {
  if (token !== undefined) {
    if (isSame(token.fingerprint, fingerprint)) return;
    throw new DreyError("FORBIDDEN", {
      message:
        `The server at "${address}" is not the one that made the token: its certificate is ${fingerprint}, ` +
        `the token names ${token.fingerprint}`,
    });
  }
  if (isVouchedFor || await person.accepts(fingerprint)) return;
  throw new DreyError("FORBIDDEN", { message: "The server's certificate was not accepted" });
}

/** Makes the server know us, unless it does or need not; whether it is there for images only. */
async function introduce(
  client: Client,
  { name, isPublic, token }: Adding,
  person: Person,
): Promise<boolean> {
  const server = await client.call("server.get");
  if (isPublic || server.public) return true;
  if (server.auth === "trusted") return false;
  const text = token ?? await person.token();
  // older servers know tokens only in the place of a password
  const isKnown = server.api_extensions.includes("explicit_trust_token");
  const body: CertificatesPost = {
    type: "client",
    name,
    ...(isKnown ? { trust_token: text } : { password: text }),
  };
  await readAnswer(await client.send("POST", "/1.0/certificates", JSON.stringify(body)));
  const { auth }: Server | ServerUntrusted = await client.call("server.get");
  if (auth === "trusted") return false;
  throw new DreyError("FORBIDDEN", { message: "The server does not trust us after all" });
}

/** Where a client that is confined to projects does not see the default one, another must be meant. */
async function chooseProject(client: Client, wanted: string | undefined, person: Person): Promise<string> {
  const projects = await client.call("projects.list", { query: { recursion: 1 } });
  const names = projects.map(({ name }) => name);
  if (wanted !== undefined) {
    if (names.includes(wanted)) return wanted;
    throw new DreyError("NOT_FOUND", { message: `The server shows us no project "${wanted}"` });
  }
  const [first] = names;
  if (names.includes("default") || first === undefined) return "default";
  person.say(`Commands will work in the project ${first}, one of: ${names.join(", ")}`);
  return first;
}

function bad(message: string): DreyError {
  return new DreyError("BAD_REQUEST", { message });
}
