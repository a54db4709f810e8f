import { assertEquals, assertThrows } from "@std/testing";
import { DreyError } from "../errors.ts";
import { serverKeys, serverKeysToCome, validateServerConfig } from "./server_keys.ts";

Deno.test("no key of the server is in the tables twice, and every default passes its own check", () => {
  const names = [...serverKeys.map(({ name }) => name), ...Object.keys(serverKeysToCome)];
  assertEquals(names.filter((name, at) => names.indexOf(name) !== at), []);
  for (const { name, default: text, type } of serverKeys) {
    if (text !== undefined) assertEquals("problem" in type.parse(text), false, name);
  }
});

Deno.test("validateServerConfig() takes what it knows and names what is wrong", () => {
  validateServerConfig({
    "core.https_address": "[::]:8443",
    "user.any": "thing",
    "images.auto_update_interval": "0",
  });
  validateServerConfig({ "core.https_address": "" });
  const cases: [string, string, string][] = [
    ["core.https_address", "no address", "expected an address to listen on"],
    ["core.remote_token_expiry", "soon", "expected a span of time"],
    ["images.compression_algorithm", "rar", "expected one of"],
    ["core.nonsense", "1", "Unknown configuration key"],
    ["core.trust_password", "guess", "not supported"],
    ["cluster.https_address", "10.0.0.1", "forms no clusters"],
    ["core.proxy_https", "proxy", "the address of a proxy"],
    ["user.", "1", "Unknown configuration key"],
  ];
  for (const [name, value, said] of cases) {
    assertThrows(() => validateServerConfig({ [name]: value }), DreyError, said);
  }
});
