import { assertEquals } from "@std/testing";
import { aclText } from "./acl.ts";

Deno.test("NICs and lists whose names differ by punctuation have chains and sets of their own", () => {
  const nic = (hostName: string, list: string) => ({
    hostName,
    lists: [{ name: list, ingress: [], egress: [] }],
    defaults: {
      ingress: { action: "allow", isLogged: false },
      egress: { action: "reject", isLogged: false },
    },
    resolvers: [],
  });
  const text = aclText([nic("a-b", "web.in"), nic("a_b", "web-in")], { tracks: true, rejects: true }).join(
    "\n",
  );
  const made = [...text.matchAll(/^(?:chain|set) (\w+) \{/gm)].map(([, name]) => name);
  assertEquals(made.length, new Set(made).size);
  // two NICs both ways and three hooks; two lists and the default, for both families
  assertEquals(made.length, 4 + 3 + 6);
});
