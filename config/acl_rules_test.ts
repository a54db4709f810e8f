import { assertEquals, assertThrows } from "@std/testing";
import { DreyError } from "../errors.ts";
import type { NetworkAclRule } from "../wire/network_acl.ts";
import { normalAclRule, refuseSameAclRule } from "./acl_rules.ts";

const web: NetworkAclRule = {
  action: "allow",
  state: "enabled",
  protocol: "tcp",
  destination_port: "22,2222",
};

Deno.test("normalAclRule() drops the white space around fields and around the parts of lists", () => {
  const spelled = { ...web, action: " allow", destination_port: "22, 2222 ", source: " 10.0.0.1 ,10.0.0.2" };
  assertEquals(normalAclRule(spelled), { ...web, source: "10.0.0.1,10.0.0.2" });
});

Deno.test("refuseSameAclRule() finds the rule that stands twice, with empty fields or without", () => {
  const rules = [web, { ...web, state: "logged" }];
  refuseSameAclRule("ingress", rules);
  const twice = [...rules, { source: "", ...web }];
  assertThrows(() => refuseSameAclRule("ingress", twice), DreyError, "rules 1 and 3 are the same");
});
