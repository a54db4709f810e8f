// The trust store and the tokens that lead into it.

import { assert, assertEquals, assertRejects } from "@std/testing";
import { encodeToken } from "../auth/tokens.ts";
import { fingerprintOf, makeCertificate, readCertificate } from "../auth/tls.ts";
import { DreyError } from "../errors.ts";
import { temporaryContext } from "../tests/support/temporary_context.ts";
import type { Operation } from "../wire/operation.ts";
import {
  addCertificate,
  deleteCertificate,
  findTrusted,
  getCertificate,
  listCertificates,
  patchCertificate,
  updateCertificate,
} from "./certificates.ts";
import type { Context } from "./context.ts";
import { cancelOperation, getOperation, listOperations } from "./operations.ts";
import { updateServerConfig } from "./server_config.ts";
import { makeTrustToken, useTrustToken } from "./trust_tokens.ts";

const text = ({ metadata }: Operation) => {
  const { secret, fingerprint, addresses } = metadata as {
    secret: string;
    fingerprint: string;
    addresses: string[];
  };
  return encodeToken({ client_name: "", secret, fingerprint, addresses });
};

async function listening(context: Context): Promise<void> {
  await updateServerConfig(context, { config: { "core.https_address": "127.0.0.1:8443" } });
}

Deno.test("a certificate is trusted by its fingerprint, until it is deleted", async () => {
  await using context = await temporaryContext();
  const { certificate } = await makeCertificate({ commonName: "me@box", use: "client" });
  const fingerprint = await addCertificate(context, { certificate });
  assertEquals((await findTrusted(context, fingerprint))?.name, "me@box");
  assertEquals(await findTrusted(context, fingerprint.slice(0, 63)), undefined);
  assertEquals(await findTrusted(context, ""), undefined);
  assertEquals((await getCertificate(context, fingerprint.slice(0, 12))).fingerprint, fingerprint);
  await assertRejects(() => addCertificate(context, { certificate }), DreyError, "already");
  await assertRejects(() => getCertificate(context, ""), DreyError, "not found");
  await deleteCertificate(context, fingerprint.slice(0, 12));
  assertEquals(await findTrusted(context, fingerprint), undefined);
});

Deno.test("a certificate is confined to projects that exist, or to none by name", async () => {
  await using context = await temporaryContext();
  const { certificate } = await makeCertificate({ commonName: "me", use: "client" });
  const add = (more: object) => addCertificate(context, { certificate, ...more });
  await assertRejects(() => add({ restricted: true, projects: ["nowhere"] }), DreyError, "nowhere");
  await assertRejects(() => add({ projects: ["default"] }), DreyError, "restricted");
  await assertRejects(() => add({ type: "server" }), DreyError, "not supported");
  await assertRejects(() => add({ type: "x" }), DreyError, "Unknown type");
  await add({ restricted: true, projects: ["default"], type: "metrics" });
  const [found] = await listCertificates(context);
  assertEquals([found?.type, found?.restricted, found?.projects], ["metrics", true, ["default"]]);
  // as lxc config trust edit sends it
  await patchCertificate(context, found?.fingerprint ?? "", () => ({ restricted: false }));
  const [released] = await listCertificates(context);
  assertEquals([released?.restricted, released?.projects], [false, ["default"]]);
});

Deno.test("a new certificate in the place of an old one takes over its trust", async () => {
  await using context = await temporaryContext();
  const [old, next] = [
    await makeCertificate({ commonName: "a", use: "client" }),
    await makeCertificate({
      commonName: "b",
      use: "client",
    }),
  ];
  const fingerprint = await addCertificate(context, { certificate: old.certificate, name: "me" });
  await updateCertificate(context, fingerprint, () => ({ name: "me", certificate: next.certificate }));
  const [found, ...others] = await listCertificates(context);
  assertEquals([found?.fingerprint, found?.name], [fingerprintOf(readCertificate(next.certificate)), "me"]);
  assertEquals(others, []);
});

Deno.test("a token is used up by the first, and grants what its maker wanted", async () => {
  await using context = await temporaryContext();
  await assertRejects(() => makeTrustToken(context, { name: "me" }), DreyError, "no address");
  await listening(context);
  await assertRejects(() => makeTrustToken(context, {}), DreyError, "name");
  const operation = await makeTrustToken(context, { name: "me", restricted: true, projects: ["default"] });
  assertEquals([operation.class, operation.description], ["token", "Certificate add token"]);
  const ends = await Promise.allSettled([1, 2, 3].map(() => useTrustToken(context, text(operation))));
  const won = ends.filter((end) => end.status === "fulfilled").map(({ value }) => value);
  assertEquals(won, [{ name: "me", type: "client", restricted: true, projects: ["default"] }]);
  await assertRejects(() => useTrustToken(context, text(operation)), DreyError, "not authorized");
});

Deno.test("a token outlives the process that made it, and ends when it is revoked or too old", async () => {
  await using context = await temporaryContext();
  await listening(context);
  const operation = await makeTrustToken(context, { name: "me" });
  // it waits in the store, and is run by nobody
  assertEquals((await getOperation(context, operation.id)).status, "Running");
  await cancelOperation(context, operation.id);
  assertEquals((await getOperation(context, operation.id)).status, "Cancelled");
  await assertRejects(() => useTrustToken(context, text(operation)), DreyError, "not authorized");
  const late = await makeTrustToken(context, { name: "late" });
  context.advance(15 * 24 * 3600 * 1000 - 60_000);
  assert((await listOperations(context)).some(({ id }) => id === late.id));
  context.advance(61_000);
  assert(!(await listOperations(context)).some(({ id }) => id === late.id));
  await assertRejects(() => useTrustToken(context, text(late)), DreyError, "not authorized");
});

Deno.test("nonsense in the place of a token is refused as a wrong one is", async () => {
  await using context = await temporaryContext();
  await listening(context);
  await makeTrustToken(context, { name: "me" });
  const wrong = encodeToken({ client_name: "me", secret: "0".repeat(64), fingerprint: "", addresses: [] });
  for (const guess of ["", "password", "e30=", wrong]) {
    await assertRejects(() => useTrustToken(context, guess), DreyError, "not authorized");
  }
});
