// Routes of projects.

import * as project from "../project.ts";
import { type Listing, route } from "./route.ts";

export const projects = {
  "projects.list": route<Listing<string[], project.Project[]>>()(
    "sync",
    "GET /1.0/projects",
    "All projects",
    {
      query: ["recursion", "filter"],
    },
  ),
  "projects.create": route<null>()("sync", "POST /1.0/projects", "Add a project", {
    body: project.projectsPost,
  }),
  "project.get": route<project.Project>()("sync", "GET /1.0/projects/{name}", "One project"),
  "project.update": route<null>()("sync", "PUT /1.0/projects/{name}", "Replace the project's settings", {
    body: project.projectPut,
  }),
  "project.patch": route<null>()("sync", "PATCH /1.0/projects/{name}", "Change some of its settings", {
    body: project.projectPut,
  }),
  "project.rename": route()("async", "POST /1.0/projects/{name}", "Rename the project", {
    body: project.projectPost,
  }),
  "project.delete": route<null>()("sync", "DELETE /1.0/projects/{name}", "Delete the project", {
    query: ["force"],
  }),
  "project.state": route<project.ProjectState>()(
    "sync",
    "GET /1.0/projects/{name}/state",
    "What the project may use, and what it does use",
  ),
} as const;
