// Access control lists of networks.

import * as acls from "../../domain/network_acls.ts";
import { Created, type Handlers } from "../call.ts";
import { addressOf, isOn, listed } from "../lists.ts";

type Names =
  | "network.acls.list"
  | "network.acls.create"
  | "network.acl.get"
  | "network.acl.update"
  | "network.acl.patch"
  | "network.acl.rename"
  | "network.acl.delete"
  | "network.acl.log";

export const handlers: Handlers<Names> = {
  "network.acls.list": async ({ context, project, recursion, query }) =>
    listed(await acls.listNetworkAcls(context, isOn(query("all-projects")) ? undefined : project), {
      recursion,
      filter: query("filter"),
      address: (acl) => addressOf("network-acls", acl.name, acl.project),
    }),
  "network.acls.create": async ({ context, project, body }) => {
    await acls.createNetworkAcl(context, project, body);
    return new Created(addressOf("network-acls", body.name, project));
  },
  "network.acl.get": ({ context, project, params }) =>
    acls.getNetworkAcl(context, { project, name: params.name }),
  "network.acl.update": ({ context, project, params, body }) =>
    acls.updateNetworkAcl(context, { project, name: params.name }, body),
  "network.acl.patch": ({ context, project, params, body }) =>
    acls.patchNetworkAcl(context, { project, name: params.name }, body),
  "network.acl.rename": async ({ context, project, params, body }) => {
    await acls.renameNetworkAcl(context, { project, name: params.name }, body.name);
    return new Created(addressOf("network-acls", body.name, project));
  },
  "network.acl.delete": ({ context, project, params }) =>
    acls.deleteNetworkAcl(context, { project, name: params.name }),
  "network.acl.log": async ({ context, project, params }) =>
    new Response(await acls.networkAclLog(context, { project, name: params.name }), {
      headers: { "content-type": "application/octet-stream" },
    }),
};
