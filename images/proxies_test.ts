import { assertEquals } from "@std/testing";
import { type Proxies, proxyFor } from "./proxies.ts";

const [http, https] = ["http://one:3128", "http://two:3128"];

Deno.test("proxyFor() knows the hosts that are asked without a proxy", () => {
  const cases: [ignored: string, url: string, proxy: string | undefined][] = [
    ["", "http://images.example/a", http],
    ["", "https://images.example/a", https],
    ["", "http://localhost:8080/", undefined],
    ["", "https://127.0.0.1/", undefined],
    ["", "http://[::1]/", undefined],
    ["images.example", "http://images.example/", undefined],
    ["images.example", "http://near.images.example/", undefined],
    ["images.example", "http://myimages.example/", http],
    [".example", "http://images.example/", undefined],
    [".images.example", "http://images.example/", http],
    ["other, *.Example", "https://IMAGES.example/", undefined],
    ["images.example:81", "http://images.example/", http],
    ["images.example:81", "http://images.example:81/", undefined],
    ["192.0.2.0/24", "http://192.0.2.7/", undefined],
    ["192.0.2.0/24,x/y", "http://192.0.3.7/", http],
    ["*", "https://images.example/", undefined],
  ];
  for (const [ignored, url, proxy] of cases) {
    assertEquals(proxyFor(url, { http, https, ignored }), proxy, `${url} without ${ignored}`);
  }
});

Deno.test("proxyFor() leaves to the environment what no proxy is set for", () => {
  const none: Proxies = { http: "", https, ignored: "" };
  assertEquals(proxyFor("http://images.example/", none), undefined);
});
