// drey config trust: which clients on other machines a server lets in.

import { listTokens, makeToken, readFacts, type Token } from "../../client/trust.ts";
import { DreyError } from "../../errors.ts";
import { type CertificatePut, certificatePut } from "../../wire/certificate.ts";
import { ask } from "../ask.ts";
import { toTable } from "../columns.ts";
import { edit as editYaml } from "../editor.ts";
import { dateTime, type Format, formatList, longDate, toYaml, yesNo } from "../output.ts";
import { resolveName, resolveOnServer } from "../resolve.ts";
import type { Shell } from "../shell.ts";

/** With a file its certificate is trusted, without one a token is made. */
export async function add(shell: Shell): Promise<void> {
  const { typed } = shell;
  const { client, rest: [path] } = await split(shell);
  const terms = {
    type: typed.text("type"),
    restricted: typed.has("restricted"),
    projects: (typed.text("projects") ?? "").split(",").filter((name) => name !== ""),
  };
  if (path !== undefined) {
    const certificate = await readFile(path);
    const name = typed.text("name") ?? path.split("/").at(-1)?.replace(/\.(crt|pem)$/, "");
    return void await client.call("certificates.create", { body: { ...terms, name, certificate } });
  }
  const name = typed.text("name") ?? await ask("Name of the client: ", "Give --name");
  const token = await makeToken(client, { ...terms, name });
  if (token === undefined) throw new DreyError("SERVER_FAILED", { message: "The server gave no token" });
  if (Deno.stdout.isTerminal()) shell.print(`Token for ${name}:\n`);
  shell.print(`${token.text}\n`);
}

export async function list(shell: Shell): Promise<void> {
  const { client } = await split(shell);
  const found = await client.call("certificates.list", { query: { recursion: 1 } });
  const table = toTable(found.map((one) => ({ ...one, ...readFacts(one.certificate) })), [
    { header: "TYPE", cell: ({ type }) => type },
    { header: "NAME", cell: ({ name }) => name },
    { header: "COMMON NAME", cell: ({ commonName }) => commonName },
    { header: "FINGERPRINT", cell: ({ fingerprint }) => fingerprint.slice(0, 12) },
    { header: "RESTRICTED", cell: ({ restricted }) => yesNo(restricted) },
    { header: "PROJECTS", cell: ({ projects }) => projects?.join(", ") ?? "" },
    { header: "ISSUE DATE", cell: ({ issued }) => longDate(issued) },
    { header: "EXPIRY DATE", cell: ({ expires }) => longDate(expires) },
  ]);
  shell.print(await formatList(shell.typed.text("format") as Format, table, found));
}

export async function tokens(shell: Shell): Promise<void> {
  const { client } = await split(shell);
  const found = await listTokens(client);
  const table = toTable(found, [
    { header: "NAME", cell: ({ name }: Token) => name },
    { header: "TOKEN", cell: ({ text }) => text },
    { header: "EXPIRES AT", cell: ({ expires_at }) => dateTime(expires_at) },
  ]);
  shell.print(await formatList(shell.typed.text("format") as Format, table, found));
}

export async function revoke(shell: Shell): Promise<void> {
  const { client, rest: [name = ""] } = await split(shell);
  const token = (await listTokens(client)).find((one) => one.name === name);
  if (token === undefined) throw new DreyError("NOT_FOUND", { message: `There is no token for "${name}"` });
  await client.call("operation.cancel", { params: { id: token.id } });
}

export async function show(shell: Shell): Promise<void> {
  const { client, fingerprint } = await one(shell);
  shell.print(await toYaml(await client.call("certificate.get", { params: { fingerprint } })));
}

export async function edit(shell: Shell): Promise<void> {
  const { client, fingerprint } = await one(shell);
  const params = { fingerprint };
  const { value, etag } = await client.read("certificate.get", { params });
  const { name, type, restricted, projects, certificate } = value;
  const shown = { name, type, restricted, projects, certificate };
  await editYaml(shell, { value: shown, whole: value, schema: certificatePut }, async (edited) => {
    const body: CertificatePut = { name, type, restricted, projects, ...edited };
    await client.call("certificate.update", { params, body, etag });
  });
}

export async function remove(shell: Shell): Promise<void> {
  const { client, fingerprint } = await one(shell);
  await client.call("certificate.delete", { params: { fingerprint } });
}

async function one(shell: Shell) {
  const { remote, name } = resolveName(shell.typed.args[0] ?? "", "certificate");
  return { client: await shell.connect(remote), fingerprint: name };
}

/** A first word that ends in a colon is a remote. */
async function split(shell: Shell) {
  const [first = "", ...others] = shell.typed.args;
  const isRemote = first.endsWith(":");
  const client = await shell.connect(resolveOnServer(isRemote ? first : "").remote);
  return { client, rest: isRemote ? others : shell.typed.args };
}

async function readFile(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    const said = error instanceof Error ? error.message.split(" (os error")[0] : String(error);
    const hint = `For a token instead of the certificate in a file: drey config trust add --name ${path}`;
    const isName = error instanceof Deno.errors.NotFound && !path.includes("/");
    throw new DreyError("BAD_REQUEST", {
      message: `Cannot read "${path}": ${said}`,
      ...isName && { hint },
      cause: error,
    });
  }
}
