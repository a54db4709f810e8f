import { assertThrows } from "@std/testing";
import { DreyError } from "../errors.ts";
import { validateInstanceName, validateProfileName } from "./names.ts";

Deno.test("an instance's name is a host name that starts with a letter", () => {
  for (const name of ["c", "web-1", "C1", "a".repeat(63)]) validateInstanceName(name);
  for (const name of ["", "1c", "-c", "c-", "a.b", "a b", "a_b", "../x", "ä", "a".repeat(64), "a\n"]) {
    assertThrows(() => validateInstanceName(name), DreyError, "Invalid instance name", name);
  }
});

Deno.test("names of profiles are one word of a path", () => {
  for (const name of ["default", "web_server.2"]) validateProfileName(name);
  for (const name of ["", "..", "a/b", "a b", "-x"]) {
    assertThrows(() => validateProfileName(name), DreyError, "Invalid profile name", name);
  }
});
