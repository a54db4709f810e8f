import { DreyError } from "../errors.ts";
import { assertEquals, assertThrows } from "@std/testing";
import { asRemoteImage, keyValues, resolve, resolveImage, resolveName, resolveOnServer } from "./resolve.ts";

Deno.test("resolve() takes the local remote where none is named", () => {
  const { remote, name } = resolve("web");
  assertEquals([remote.name, name], ["local", "web"]);
});

Deno.test("resolve() splits at the first colon only", () => {
  const { remote, name } = resolve("debian:a:b");
  assertEquals([remote.name, name], ["debian", "a:b"]);
});

Deno.test("resolve() names the remote that does not exist, and a likely one", () => {
  const { message, hint } = assertThrows(() => resolve("debain:12"), DreyError);
  assertEquals(message, 'There is no remote "debain"');
  assertEquals(hint, 'Did you mean "debian:"? See: drey remote list');
  const file = assertThrows(() => resolve("web:/etc/hosts"), DreyError);
  assertEquals(
    file.hint,
    "Files of instances are copied by drey file push and drey file pull, named as web/etc/hosts",
  );
});

Deno.test("resolveImage() says how images of registries and of addresses come here", () => {
  const hintOf = (text: string) => assertThrows(() => resolveImage(text), DreyError).hint;
  const named = (image: string) =>
    `Images of registries are named with theirs: ${image}. See: drey remote list`;
  assertEquals(hintOf("nginx:latest"), named("docker:nginx:latest"));
  assertEquals(hintOf("docker.io/library/nginx:1.27"), named("docker:nginx:1.27"));
  assertEquals(hintOf("ghcr.io/org/app:1"), named("ghcr:org/app:1"));
  assertEquals(hintOf("debain:12"), 'Did you mean "debian:"? See: drey remote list');
  assertEquals(
    hintOf("https://example.com/x.tar.xz"),
    "Download the file, then: drey image import <file> --alias <alias>",
  );
  assertEquals(assertThrows(() => resolve("http://localhost/1.0"), DreyError).hint, "See: drey remote list");
});

Deno.test("resolveOnServer() refuses a remote that only has images", () => {
  assertThrows(() => resolveOnServer("debian:c1"), DreyError, "offers images and nothing else");
});

Deno.test("resolveName() wants a name", () => {
  assertThrows(() => resolveName("local:", "instance"), DreyError, "Missing name of the instance");
});

Deno.test("resolveImage() means a local alias or fingerprint without a remote", () => {
  assertEquals(resolveImage("mine"), { type: "image", alias: "mine" });
  assertEquals(resolveImage("local:mine"), { type: "image", alias: "mine" });
});

Deno.test("resolveImage() asks the debian remote by its protocol", () => {
  const { type, alias, protocol } = resolveImage("debian:12");
  assertEquals({ type, alias, protocol }, { type: "image", alias: "12", protocol: "debian" });
});

Deno.test("resolveImage() leaves further colons to the name", () => {
  const { alias, protocol } = resolveImage("docker:nginx:alpine");
  assertEquals([alias, protocol], ["nginx:alpine", "oci"]);
});

Deno.test("asRemoteImage() reads debian/12 as debian:12, and leaves other names alone", () => {
  assertEquals(asRemoteImage("debian/12"), "debian:12");
  assertEquals(asRemoteImage("debian/12/arm64"), "debian:12/arm64");
  assertEquals(asRemoteImage("mine"), undefined);
  assertEquals(asRemoteImage("my/image"), undefined);
});

Deno.test("keyValues() splits at the first equals sign and refuses a word without one", () => {
  assertEquals(keyValues(["a=1", "b=x=y", "c="]), { a: "1", b: "x=y", c: "" });
  assertThrows(() => keyValues(["novalue"]), DreyError, 'Expected key=value, got "novalue"');
});
