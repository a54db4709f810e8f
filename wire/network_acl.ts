// Access control lists of networks.

import type { Config } from "./instance.ts";
import * as s from "./schema.ts";

export const networkAclRule = s.object({
  action: s.required(s.string, "`allow`, `reject` or `drop`"),
  source: s.optional(s.string),
  destination: s.optional(s.string),
  protocol: s.optional(s.string),
  source_port: s.optional(s.string),
  destination_port: s.optional(s.string),
  icmp_type: s.optional(s.string),
  icmp_code: s.optional(s.string),
  description: s.optional(s.string),
  state: s.required(s.string, "`enabled`, `disabled` or `logged`"),
});
/** A rule about what may pass; what it leaves out may be anything. */
export type NetworkAclRule = s.TypeOf<typeof networkAclRule>;

/** An access control list: rules that networks and NICs obey. */
export interface NetworkAcl {
  name: string;
  description: string;
  /** rules about what comes to an instance */
  ingress: NetworkAclRule[];
  /** rules about what an instance sends */
  egress: NetworkAclRule[];
  config: Config;
  /** addresses of what obeys it */
  used_by: string[];
  project: string;
}

const rules = s.optional(s.array(networkAclRule));

export const networkAclPut = s.object({
  description: s.optional(s.string),
  ingress: rules,
  egress: rules,
  config: s.optional(s.record(s.string)),
});
/** What can be changed of an access control list. */
export type NetworkAclPut = s.TypeOf<typeof networkAclPut>;

export const networkAclsPost = s.object({
  name: s.required(s.string),
  description: s.optional(s.string),
  ingress: rules,
  egress: rules,
  config: s.optional(s.record(s.string)),
});
/** An access control list to be made. */
export type NetworkAclsPost = s.TypeOf<typeof networkAclsPost>;

export const networkAclPost = s.object({ name: s.required(s.string) });
