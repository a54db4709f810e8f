// Routes of profiles.

import * as profile from "../profile.ts";
import { type Listing, lists, one, route } from "./route.ts";

export const profiles = {
  "profiles.list": route<Listing<string[], profile.Profile[]>>()(
    "sync",
    "GET /1.0/profiles",
    "All profiles",
    {
      query: lists,
    },
  ),
  "profiles.create": route<null>()("sync", "POST /1.0/profiles", "Add a profile", {
    query: one,
    body: profile.profilesPost,
  }),
  "profile.get": route<profile.Profile>()("sync", "GET /1.0/profiles/{name}", "One profile", { query: one }),
  "profile.update": route<null>()("sync", "PUT /1.0/profiles/{name}", "Replace the profile", {
    query: one,
    body: profile.profilePut,
  }),
  "profile.patch": route<null>()("sync", "PATCH /1.0/profiles/{name}", "Change parts of the profile", {
    query: one,
    body: profile.profilePut,
  }),
  "profile.rename": route<null>()("sync", "POST /1.0/profiles/{name}", "Rename the profile", {
    query: one,
    body: profile.profilePost,
  }),
  "profile.delete": route<null>()("sync", "DELETE /1.0/profiles/{name}", "Delete the profile", {
    query: one,
  }),
} as const;
