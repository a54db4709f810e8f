import { assertEquals } from "@std/testing";
import { isOwnHost, type Pages, welcome } from "./origin.ts";

const pages: Pages = { isOwn: (host) => isOwnHost(host, ["box", "box.example.org"]) };
const host = "10.0.0.1:8443";

function refused(headers: Record<string, string>, options: { method?: string; pages?: Pages } = {}): boolean {
  const { refusal } = welcome({ method: options.method ?? "GET", headers }, options.pages ?? pages);
  return refusal !== undefined && refusal.status === 403;
}

Deno.test("programs come in, whatever name they know the server by", () => {
  assertEquals(refused({ host: "somewhere.example.com", "user-agent": "LXD 5.0.2" }), false);
  assertEquals(refused({ host: "somewhere.example.com" }), false);
});

Deno.test("pylxd comes in by the unix socket, with the origin that its websockets claim", () => {
  assertEquals(refused({ host: "localhost:None", origin: "ws+unix://localhost" }), false);
  assertEquals(
    refused({ host: "localhost", origin: "http://localhost" }, { pages: { isOwn: () => false } }),
    true,
  );
});

Deno.test("pages of other servers stay out, those of this one come in", () => {
  assertEquals(refused({ host, origin: "https://evil.example" }), true);
  assertEquals(refused({ host, origin: "null" }), true);
  assertEquals(refused({ host, origin: "http://10.0.0.1:8443" }), true);
  assertEquals(refused({ host, origin: "https://10.0.0.1:8444" }), true);
  assertEquals(refused({ host, origin: `https://${host}` }), false);
  assertEquals(refused({ host, "sec-fetch-site": "cross-site" }), true);
  assertEquals(refused({ host, "sec-fetch-site": "same-site" }), true);
  assertEquals(refused({ host, "sec-fetch-site": "same-origin" }), false);
});

Deno.test("a browser that was led here by a foreign name stays out", () => {
  const agent = "Mozilla/5.0 (X11; Linux x86_64)";
  for (const name of ["evil.example", "evil.example:8443", "box.evil.example", ""]) {
    assertEquals(refused({ host: name, "user-agent": agent }), true, name);
    assertEquals(refused({ host: name, "sec-fetch-site": "same-origin" }), true, name);
    assertEquals(refused({ host: name, origin: `https://${name}` }), true, name);
  }
  for (const name of ["box", "BOX.example.org:8443", "localhost:8443", "10.0.0.1", "[fd00::1]:8443"]) {
    assertEquals(refused({ host: name, "user-agent": agent }), false, name);
  }
});

Deno.test("nothing is shared with other origins, unless the settings name one", () => {
  const origin = "https://ui.example";
  const asked = (pages: Pages, method: string) => welcome({ method, headers: { host, origin } }, pages);
  assertEquals(asked(pages, "OPTIONS").refusal?.headers.get("access-control-allow-origin"), null);
  assertEquals(asked(pages, "OPTIONS").refusal?.status, 403);
  const open: Pages = { ...pages, allowed: { origin, methods: "GET", credentials: true } };
  const preflight = asked(open, "OPTIONS").refusal;
  assertEquals(preflight?.status, 200);
  assertEquals(Object.fromEntries(preflight?.headers ?? []), {
    "access-control-allow-origin": origin,
    "access-control-allow-methods": "GET",
    "access-control-allow-credentials": "true",
    vary: "Origin",
  });
  assertEquals(asked(open, "GET").headers?.["access-control-allow-origin"], origin);
  assertEquals(refused({ host, origin: "https://other.example" }, { pages: open }), true);
});
