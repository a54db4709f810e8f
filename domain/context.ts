// What the rules of resources need from the outside world.

import type { Store } from "../store/store.ts";
import type { Paths } from "../sys/paths.ts";

export interface User {
  uid: number;
  gid: number;
  name: string;
}

export interface Context {
  store: Store;
  paths: Paths;
  /** who runs drey */
  user: User;
  /** argv that starts this drey again, for the clean-up after an instance */
  program: readonly string[];
  now(): Date;
}

/** Names one thing in one project. */
export interface Ref {
  project: string;
  name: string;
}
