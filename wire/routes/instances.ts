// Routes of instances; of what belongs to one, instance_parts.ts.

import * as instance from "../instance.ts";
import { type Listing, lists, one, route } from "./route.ts";

export const instances = {
  "instances.list": route<Listing<string[], instance.Instance[], instance.InstanceFull[]>>()(
    "sync",
    "GET /1.0/instances",
    "All instances",
    { query: [...lists, "instance-type"] },
  ),
  "instances.create": route()("async", "POST /1.0/instances", "Create an instance", {
    query: ["project", "target"],
    body: instance.instancesPost,
    takesFile: true,
  }),
  "instances.state": route()("async", "PUT /1.0/instances", "Change the state of all instances", {
    query: one,
    body: instance.instancesPut,
  }),
  "instance.get": route<instance.Instance>()("sync", "GET /1.0/instances/{name}", "One instance", {
    query: ["project", "recursion"],
  }),
  "instance.update": route()("async", "PUT /1.0/instances/{name}", "Replace the instance's configuration", {
    query: one,
    body: instance.instancePut,
  }),
  "instance.patch": route<null>()(
    "sync",
    "PATCH /1.0/instances/{name}",
    "Change parts of the configuration",
    {
      query: one,
      body: instance.instancePut,
    },
  ),
  "instance.rename": route()("async", "POST /1.0/instances/{name}", "Rename the instance", {
    query: one,
    body: instance.instancePost,
  }),
  "instance.rebuild": route()(
    "async",
    "POST /1.0/instances/{name}/rebuild",
    "Replace the root file system by an image's, or by an empty one",
    { query: one, body: instance.instanceRebuildPost },
  ),
  "instance.delete": route()("async", "DELETE /1.0/instances/{name}", "Delete the instance", {
    query: ["project", "force"],
  }),
  "instance.state": route<instance.InstanceState>()(
    "sync",
    "GET /1.0/instances/{name}/state",
    "What the instance uses right now",
    { query: one },
  ),
  "instance.state.change": route()(
    "async",
    "PUT /1.0/instances/{name}/state",
    "Start, stop, restart, freeze or unfreeze",
    { query: one, body: instance.instanceStatePut },
  ),
  "instance.exec": route()("async", "POST /1.0/instances/{name}/exec", "Run a command in the instance", {
    query: one,
    body: instance.instanceExecPost,
  }),
  "instance.console": route()("async", "POST /1.0/instances/{name}/console", "Attach to the console", {
    query: one,
    body: instance.instanceConsolePost,
  }),
  "instance.console.log": route<string>()("raw", "GET /1.0/instances/{name}/console", "The console log", {
    query: ["project", "follow"],
  }),
  "instance.console.clear": route<null>()(
    "sync",
    "DELETE /1.0/instances/{name}/console",
    "Empty the console log",
    { query: one },
  ),
} as const;
