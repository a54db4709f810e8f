// Routes of access control lists of networks.

import * as acl from "../network_acl.ts";
import { type Listing, lists, one, route } from "./route.ts";

export const networkAcls = {
  "network.acls.list": route<Listing<string[], acl.NetworkAcl[]>>()(
    "sync",
    "GET /1.0/network-acls",
    "All network ACLs",
    {
      query: lists,
    },
  ),
  "network.acls.create": route<null>()("sync", "POST /1.0/network-acls", "Add a network ACL", {
    query: one,
    body: acl.networkAclsPost,
  }),
  "network.acl.get": route<acl.NetworkAcl>()("sync", "GET /1.0/network-acls/{name}", "One network ACL", {
    query: one,
  }),
  "network.acl.update": route<null>()("sync", "PUT /1.0/network-acls/{name}", "Replace the network ACL", {
    query: one,
    body: acl.networkAclPut,
  }),
  "network.acl.patch": route<null>()(
    "sync",
    "PATCH /1.0/network-acls/{name}",
    "Change parts of the network ACL",
    {
      query: one,
      body: acl.networkAclPut,
    },
  ),
  "network.acl.rename": route<null>()("sync", "POST /1.0/network-acls/{name}", "Rename the network ACL", {
    query: one,
    body: acl.networkAclPost,
  }),
  "network.acl.delete": route<null>()("sync", "DELETE /1.0/network-acls/{name}", "Delete the network ACL", {
    query: one,
  }),
  "network.acl.log": route()("raw", "GET /1.0/network-acls/{name}/log", "What the network ACL has logged", {
    query: one,
  }),
} as const;
