// Profiles.

import * as profiles from "../../domain/profiles.ts";
import { Created, type Handlers } from "../call.ts";
import { addressOf, isOn, listed } from "../lists.ts";

type Names =
  | "profiles.list"
  | "profiles.create"
  | "profile.get"
  | "profile.update"
  | "profile.patch"
  | "profile.rename"
  | "profile.delete";

export const handlers: Handlers<Names> = {
  "profiles.list": async ({ context, project, recursion, query }) =>
    listed(await profiles.listProfiles(context, isOn(query("all-projects")) ? undefined : project), {
      recursion,
      filter: query("filter"),
      address: (profile) => addressOf("profiles", profile.name, profile.project),
    }),
  "profiles.create": async ({ context, project, body }) => {
    await profiles.createProfile(context, project, body);
    return new Created(addressOf("profiles", body.name, project));
  },
  "profile.get": ({ context, project, params }) =>
    profiles.describeProfile(context, { project, name: params.name }),
  "profile.update": ({ context, project, params, body }) =>
    profiles.updateProfile(context, { project, name: params.name }, body),
  "profile.patch": ({ context, project, params, body }) =>
    profiles.patchProfile(context, { project, name: params.name }, body),
  "profile.rename": async ({ context, project, params, body }) => {
    await profiles.renameProfile(context, { project, name: params.name }, body.name);
    return new Created(addressOf("profiles", body.name, project));
  },
  "profile.delete": ({ context, project, params }) =>
    profiles.deleteProfile(context, { project, name: params.name }),
};
