import { assertEquals, assertRejects } from "@std/testing";
import { temporaryContext } from "../tests/support/temporary_context.ts";
import type { Context } from "./context.ts";
import { DreyError } from "../errors.ts";
import { followServerConfig, patchServerConfig } from "./server_config.ts";

Deno.test("the settings are not followed while this process changes them", async () => {
  await using context: Context & AsyncDisposable = await temporaryContext();
  const steps: string[] = [];
  const isApplied = Promise.withResolvers<void>();
  const mayEnd = Promise.withResolvers<void>();
  context.applyConfig = async (config) => {
    steps.push(`apply ${config["core.https_address"]}`);
    isApplied.resolve();
    await mayEnd.promise;
    steps.push("applied");
  };
  const changing = patchServerConfig(context, { config: { "core.https_address": "127.0.0.1:8443" } });
  await isApplied.promise;
  const following = followServerConfig(context, (config) => {
    steps.push(`follow ${config["core.https_address"]}`);
    return Promise.resolve();
  });
  mayEnd.resolve();
  await Promise.all([changing, following]);
  assertEquals(steps, ["apply 127.0.0.1:8443", "applied", "follow 127.0.0.1:8443"]);
});

Deno.test("a setting is unset by a name that is known alone", async () => {
  await using context: Context & AsyncDisposable = await temporaryContext();
  const unset = (name: string) => patchServerConfig(context, { config: { [name]: "" } });
  await assertRejects(
    () => unset("core.https_adress"),
    DreyError,
    "Unknown configuration key: core.https_adress",
  );
  for (const name of ["core.https_address", "core.trust_password", "cluster.https_address", "user.any"]) {
    await unset(name);
  }
});
