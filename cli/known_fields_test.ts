import { assertThrows } from "@std/testing";
import { DreyError } from "../errors.ts";
import { networkAclPut } from "../wire/network_acl.ts";
import { mustKnowFields } from "./known_fields.ts";

const rule = { action: "allow", state: "enabled", source: "10.0.0.0/8" };

Deno.test("mustKnowFields() finds a field that is misspelt, however deep", () => {
  const good = { description: "", ingress: [rule], egress: [], config: { "user.any": "x" }, used_by: [] };
  mustKnowFields(networkAclPut, good, ["used_by"]);
  const refused = (value: object, message: string) => {
    assertThrows(() => mustKnowFields(networkAclPut, value), DreyError, message);
  };
  refused(good, 'Unknown field "used_by": there are description, ingress, egress, config');
  refused({ ingres: [rule] }, 'Unknown field "ingres"');
  refused(
    { ingress: [rule, { ...rule, sauce: "x" }] },
    'Unknown field "ingress[1].sauce": there are action, source',
  );
  refused({ constructor: 1 }, 'Unknown field "constructor"');
});
