// The API over HTTPS, by LXD's own client: who brings a token is let in, who does not learns nothing.

import { assertEquals, assertMatch } from "@std/testing";
import { e2e } from "../support/drey.ts";
import { freePort, type Lxc, serve } from "../support/server.ts";

const needs = ["userns", "subids", "lxc"] as const;

/** A token as `lxc` prints it, after a line about it. */
async function makeToken(owner: Lxc, name: string, ...flags: string[]): Promise<string> {
  return (await owner.lxc("config", "trust", "add", "--name", name, ...flags)).trim().split("\n").at(-1) ??
    "";
}

await e2e("a client with a token leads instances of another machine", { needs }, async (drey) => {
  await using server = await serve(drey);
  const address = `127.0.0.1:${freePort()}`;
  await server.lxc("config", "set", "core.https_address", address);
  const token = await makeToken(server, "laptop");
  const laptop = await server.stranger("laptop");
  await laptop.lxc("remote", "add", "other", token);
  assertMatch(
    await laptop.lxc("remote", "list", "--format", "csv"),
    new RegExp(`^other,https://${address},lxd,tls`, "m"),
  );
  await laptop.lxc("launch", "other:tiny", "other:c1");
  assertEquals(await laptop.lxc("exec", "other:c1", "--", "hostname"), "c1\n");
  assertEquals((await laptop.tries(["exec", "other:c1", "--", "sh", "-c", "exit 7"])).code, 7);
  const echoed = await laptop.tries(["exec", "other:c1", "--", "wc", "-c"], { stdin: "x".repeat(300_000) });
  assertEquals(echoed.stdout.trim(), "300000");
  await laptop.lxc("config", "set", "other:c1", "user.team=web");
  assertEquals(await drey`config get c1 user.team`, "web\n");
  const [listed] = JSON.parse(await laptop.lxc("list", "other:", "--format", "json"));
  assertEquals([listed.name, listed.status], ["c1", "Running"]);
  await laptop.lxc("delete", "-f", "other:c1");

  const [trusted] = JSON.parse(await server.lxc("config", "trust", "list", "--format", "json"));
  assertEquals([trusted.name, trusted.type, trusted.restricted], ["laptop", "client", false]);
  await server.lxc("config", "trust", "remove", trusted.fingerprint);
  assertMatch((await laptop.tries(["list", "other:"])).stderr, /not authorized/);
});

await e2e("a token lets one client in, once, and not after it was revoked", { needs }, async (drey) => {
  await using server = await serve(drey);
  const address = `127.0.0.1:${freePort()}`;
  await server.lxc("config", "set", "core.https_address", address);
  const [first, second] = [await server.stranger("first"), await server.stranger("second")];
  const token = await makeToken(server, "one");
  await first.lxc("remote", "add", "other", token);
  assertMatch((await second.tries(["remote", "add", "other", token])).stderr, /not authorized/);
  const revoked = await makeToken(server, "two");
  assertMatch(await server.lxc("config", "trust", "list-tokens"), /\| two /);
  await server.lxc("config", "trust", "revoke-token", "two");
  assertMatch((await second.tries(["remote", "add", "other", revoked])).stderr, /not authorized/);
  await server.lxc("config", "set", "core.remote_token_expiry", "1S");
  const late = await makeToken(server, "three");
  await new Promise((resolve) => setTimeout(resolve, 1100));
  assertMatch((await second.tries(["remote", "add", "other", late])).stderr, /not authorized/);
  assertEquals(JSON.parse(await server.lxc("config", "trust", "list", "--format", "json")).length, 1);
});
