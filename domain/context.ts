// What the rules of resources need from the outside world.

import type { Store } from "../store/store.ts";
import type { Paths } from "../sys/paths.ts";

export interface User {
  uid: number;
  gid: number;
  name: string;
}

/** Who asked for a change, as lifecycle events tell it. */
export interface Requestor {
  username: string;
  protocol: string;
  address: string;
}

export interface Context {
  store: Store;
  paths: Paths;
  /** who runs drey */
  user: User;
  /** argv that starts this drey again, for the clean-up after an instance */
  program(): readonly string[];
  /** the caller of the API request that is being served; absent for what drey does by itself */
  requestor?: Requestor;
  /** the project the request names: what it starts belongs there, even if it changes what is had from another one */
  askedProject?: string;
  now(): Date;
  /** makes a running server follow new settings before they are kept; throws if it cannot */
  applyConfig?(config: Readonly<Record<string, string>>): Promise<void>;
}

/** Names one thing in one project. */
export interface Ref {
  project: string;
  name: string;
}
