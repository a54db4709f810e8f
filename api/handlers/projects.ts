// Projects.

import * as projects from "../../domain/projects.ts";
import { DreyError } from "../../errors.ts";
import { type Caller, Created, type Handlers } from "../call.ts";
import { addressOf, isOn, listed } from "../lists.ts";
import { confinedTo, mayWorkIn } from "../middleware/permission.ts";

type Names =
  | "projects.list"
  | "projects.create"
  | "project.get"
  | "project.update"
  | "project.patch"
  | "project.rename"
  | "project.delete"
  | "project.state";

export const handlers: Handlers<Names> = {
  "projects.list": async ({ context, caller, recursion, query }) =>
    listed((await projects.listProjects(context)).filter(({ name }) => maySee(caller, name)), {
      recursion,
      filter: query("filter"),
      address: (project) => addressOf("projects", project.name, "default"),
    }),
  "projects.create": async ({ context, body }) => {
    await projects.createProject(context, body);
    return new Created(addressOf("projects", body.name, "default"));
  },
  "project.get": ({ context, caller, params }) => {
    mayWorkIn(caller, params.name);
    return projects.getProject(context, params.name);
  },
  "project.update": ({ context, params, body }) => projects.updateProject(context, params.name, body),
  "project.patch": ({ context, params, body }) => projects.patchProject(context, params.name, body),
  "project.rename": ({ context, params, body }) => projects.renameProject(context, params.name, body.name),
  "project.delete": async ({ context, params, query }) => {
    if (isOn(query("force"))) {
      throw new DreyError("NOT_SUPPORTED", {
        message: "Deleting a project with all that is in it is not supported yet",
        hint: "Delete what is in it first",
      });
    }
    await projects.deleteProject(context, params.name);
  },
  "project.state": ({ context, caller, params }) => {
    mayWorkIn(caller, params.name);
    return projects.projectState(context, params.name);
  },
};

const maySee = (caller: Caller, project: string) => confinedTo(caller)?.includes(project) ?? true;
