import { assert, assertEquals, assertThrows } from "@std/testing";
import { DreyError } from "../errors.ts";
import { environment } from "./environment_key.ts";
import {
  instanceKeys,
  instanceKeysToCome,
  limitsCpu,
  limitsMemoryEnforce,
  validateInstanceConfig,
  validateProfileConfig,
} from "./instance_keys.ts";
import { findKey, readKey, readPattern } from "./key.ts";

function codeOf(act: () => void): string {
  return assertThrows(act, DreyError).code;
}

Deno.test("the table of instance keys has no name twice, a summary per row and defaults that pass", () => {
  const names = [...instanceKeys.map((row) => row.name), ...instanceKeysToCome];
  assertEquals(new Set(names).size, names.length);
  for (const row of instanceKeys) {
    assert(row.short.length > 10 && !row.short.endsWith("."), row.name);
    if (row.default !== undefined) assert("value" in row.type.parse(row.default), row.name);
  }
});

Deno.test("validateInstanceConfig() takes the keys that are obeyed", () => {
  validateInstanceConfig({
    "limits.cpu": "0-3,5",
    "limits.cpu.allowance": "20ms/100ms",
    "limits.memory": "512MiB",
    "limits.processes": "100",
    "security.idmap.isolated": "yes",
    "environment.LANG": "C.UTF-8",
    "user.anything": "at all",
    "volatile.uuid": "5c1b29a9-9f35-4f0e-8b1c-4a1a4e6a9f0d",
    "volatile.anything": "x",
    "security.privileged": "false",
    "limits.memory.swap": "",
  }, "container");
});

Deno.test("validateInstanceConfig() names an unknown key", () => {
  assertThrows(
    () => validateInstanceConfig({ "limits.nothing": "1" }, "container"),
    DreyError,
    "Unknown configuration key: limits.nothing",
  );
  assertEquals(codeOf(() => validateInstanceConfig({ "user.": "1" }, "container")), "BAD_REQUEST");
  assertEquals(codeOf(() => validateInstanceConfig({ "environment.A=B": "1" }, "container")), "BAD_REQUEST");
  const ofSize = (size: number) => ({ "environment.A": "ä".repeat((size - 3) / 2) + "x" });
  validateInstanceConfig(ofSize(131_069), "container");
  assertEquals(codeOf(() => validateInstanceConfig(ofSize(131_071), "container")), "BAD_REQUEST");
});

Deno.test("validateInstanceConfig() tells a key that is still to come from an unknown one", () => {
  for (const name of ["boot.stop.priority", "limits.hugepages.2MB", "security.sev.policy.es"]) {
    assertEquals(codeOf(() => validateInstanceConfig({ [name]: "1" }, "container")), "NOT_SUPPORTED", name);
  }
});

Deno.test("a key that drey will never obey is refused with the reason", () => {
  for (
    const name of ["raw.lxc", "raw.seccomp", "security.syscalls.intercept.mount"]
  ) {
    assertThrows(
      () => validateInstanceConfig({ [name]: "1" }, "container"),
      DreyError,
      "is not supported: drey",
    );
  }
});

Deno.test("validateInstanceConfig() names key, wanted form and value", () => {
  assertThrows(
    () => validateInstanceConfig({ "limits.memory": "lots" }, "container"),
    DreyError,
    'Invalid value for "limits.memory": expected a size such as 512MiB, or 50%, got "lots"',
  );
});

Deno.test("validateInstanceConfig() takes for ids of an instance nothing else", () => {
  for (const name of ["volatile.uuid", "volatile.cloud-init.instance-id", "volatile.vsock_id"]) {
    assertEquals(
      codeOf(() => validateInstanceConfig({ [name]: "foo" }, "virtual-machine")),
      "BAD_REQUEST",
      name,
    );
  }
});

Deno.test("a privileged container is refused, and a container's key on a virtual machine too", () => {
  assertEquals(
    codeOf(() => validateInstanceConfig({ "security.privileged": "true" }, "container")),
    "NOT_SUPPORTED",
  );
  assertEquals(
    codeOf(() => validateInstanceConfig({ "limits.processes": "5" }, "virtual-machine")),
    "BAD_REQUEST",
  );
});

Deno.test("validateProfileConfig() keeps drey's own keys out of profiles", () => {
  validateProfileConfig({ "limits.processes": "5", "limits.memory": "10%" });
  assertEquals(codeOf(() => validateProfileConfig({ "volatile.uuid": "x" })), "BAD_REQUEST");
});

Deno.test("findKey() prefers the exact row to a pattern", () => {
  assertEquals(findKey(instanceKeys, "user.x")?.name, "user.*");
  assertEquals(findKey(instanceKeys, "limits.cpu")?.name, "limits.cpu");
  assertEquals(findKey(instanceKeys, "limits.cp"), undefined);
});

Deno.test("readKey() parses, falls back to the default, and takes an empty value for unset", () => {
  assertEquals(readKey({ "limits.cpu": "2" }, limitsCpu), { kind: "count", count: 2 });
  assertEquals(readKey({}, limitsCpu), undefined);
  assertEquals(readKey({ "limits.memory.enforce": "" }, limitsMemoryEnforce), "hard");
  assertEquals(readPattern({ "environment.A": "1", "user.A": "2" }, environment), { A: "1" });
});
