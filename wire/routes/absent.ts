// The parts of LXD's API that drey does not have, so that each of its addresses is answered for what it is and not as
// if nobody had ever heard of it. A row goes when the routes of its part come; until it does, those come first.

import type { Method } from "./route.ts";

export interface AbsentPart {
  /** what it is about, in the plural, as errors name it */
  what: string;
  /** `unbuilt`: not yet; `cluster`: means something on a member of a cluster only; `never`: will not be */
  reason: "unbuilt" | "cluster" | "never";
  /** what a caller is told instead of "not supported yet" */
  says?: string;
  /** addresses with their methods */
  paths: Readonly<Record<string, readonly Method[]>>;
}

const collection = ["GET", "POST"] as const;
const thing = ["GET", "PUT", "PATCH", "POST", "DELETE"] as const;
const unnamed = ["GET", "PUT", "PATCH", "DELETE"] as const;

export const absentParts: readonly AbsentPart[] = [
  {
    what: "Clusters",
    reason: "cluster",
    paths: {
      "/1.0/cluster": ["PUT"],
      "/1.0/cluster/certificate": ["PUT"],
      "/1.0/cluster/members": collection,
      "/1.0/cluster/members/{name}": thing,
      "/1.0/cluster/members/{name}/state": collection,
      "/1.0/cluster/groups": collection,
      "/1.0/cluster/groups/{name}": thing,
    },
  },
  {
    what: "Cluster links",
    reason: "unbuilt",
    paths: {
      "/1.0/cluster/links": collection,
      "/1.0/cluster/links/{name}": thing,
      "/1.0/cluster/links/{name}/state": ["GET"],
    },
  },
  {
    what: "Replicators",
    reason: "unbuilt",
    paths: {
      "/1.0/replicators": collection,
      "/1.0/replicators/{name}": thing,
      "/1.0/replicators/{name}/state": ["GET", "PUT"],
      "/1.0/projects/{name}/state": ["PUT"],
    },
  },
  {
    what: "Placement groups",
    reason: "unbuilt",
    paths: { "/1.0/placement-groups": collection, "/1.0/placement-groups/{name}": thing },
  },
  {
    what: "Authorization groups",
    reason: "unbuilt",
    paths: {
      "/1.0/auth/groups": collection,
      "/1.0/auth/groups/{name}": thing,
      "/1.0/auth/identity-provider-groups": collection,
      "/1.0/auth/identity-provider-groups/{name}": thing,
      "/1.0/auth/permissions": ["GET"],
    },
  },
  {
    what: "Identities",
    reason: "unbuilt",
    paths: {
      "/1.0/auth/identities": ["GET"],
      "/1.0/auth/identities/bearer": collection,
      "/1.0/auth/identities/bearer/{name}": unnamed,
      "/1.0/auth/identities/bearer/{name}/token": ["POST", "DELETE"],
      "/1.0/auth/identities/oidc": ["GET"],
      "/1.0/auth/identities/oidc/{name}": unnamed,
      "/1.0/auth/identities/tls": collection,
      "/1.0/auth/identities/tls/{name}": unnamed,
      "/1.0/auth/oidc-sessions": ["GET"],
      "/1.0/auth/oidc-sessions/{id}": ["GET", "DELETE"],
    },
  },
  {
    what: "The current identity",
    reason: "never",
    says: "Current identity information must be requested via the HTTPS API",
    paths: { "/1.0/auth/identities/current": ["GET"] },
  },
  {
    what: "Storage buckets",
    reason: "unbuilt",
    paths: {
      "/1.0/storage-pools/{pool}/buckets": collection,
      "/1.0/storage-pools/{pool}/buckets/{bucket}": unnamed,
      "/1.0/storage-pools/{pool}/buckets/{bucket}/keys": collection,
      "/1.0/storage-pools/{pool}/buckets/{bucket}/keys/{key}": ["GET", "PUT", "DELETE"],
    },
  },

  {
    what: "Pools of network load balancers",
    reason: "unbuilt",
    paths: {
      "/1.0/networks/{name}/load-balancer-pools": collection,
      "/1.0/networks/{name}/load-balancer-pools/{pool}": ["GET", "PUT", "DELETE"],
      "/1.0/networks/{name}/load-balancer-pools/{pool}/state": ["GET"],
    },
  },

  {
    what: "Network peers",
    reason: "never",
    says: "Only networks of type ovn have peers, which drey does not have",
    paths: { "/1.0/networks/{name}/peers": collection, "/1.0/networks/{name}/peers/{peer}": unnamed },
  },
];
