// Routes of instances and what belongs to them.

import * as image from "../image.ts";
import * as instance from "../instance.ts";
import * as uefi from "../uefi_variables.ts";
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
  "instance.file.get": route()(
    "raw",
    "GET /1.0/instances/{name}/files",
    "A file, or the names in a directory",
    {
      query: ["project", "path"],
    },
  ),
  "instance.file.head": route()(
    "raw",
    "HEAD /1.0/instances/{name}/files",
    "Owner, mode and size of a file",
    {
      query: ["project", "path"],
    },
  ),
  "instance.file.put": route<null>()(
    "sync",
    "POST /1.0/instances/{name}/files",
    "Write a file, make a directory or a symlink",
    { query: ["project", "path"] },
  ),
  "instance.file.delete": route<null>()(
    "sync",
    "DELETE /1.0/instances/{name}/files",
    "Delete a file or an empty directory",
    { query: ["project", "path"] },
  ),
  "instance.tree.get": route()("raw", "GET /internal/instances/{name}/tree", "A directory as one stream", {
    query: ["project", "path", "pipe"],
    access: "authenticated",
  }),
  "instance.tree.put": route<null>()(
    "sync",
    "POST /internal/instances/{name}/tree",
    "Fill a directory from one stream",
    { query: ["project", "path", "pipe"], access: "authenticated" },
  ),
  "instance.sftp": route()("sftp", "GET /1.0/instances/{name}/sftp", "SFTP in the instance's files", {
    query: one,
  }),
  "instance.metadata.get": route<image.ImageMetadata>()(
    "sync",
    "GET /1.0/instances/{name}/metadata",
    "What the instance's image said of itself",
    { query: one },
  ),
  "instance.metadata.put": route<null>()(
    "sync",
    "PUT /1.0/instances/{name}/metadata",
    "Replace the metadata",
    { query: one, body: image.imageMetadataPut },
  ),
  "instance.metadata.patch": route<null>()(
    "sync",
    "PATCH /1.0/instances/{name}/metadata",
    "Change parts of the metadata",
    { query: one, body: image.imageMetadataPut },
  ),
  "instance.templates.get": route()(
    "raw",
    "GET /1.0/instances/{name}/metadata/templates",
    "Names of the templates, or one of them",
    { query: ["project", "path"] },
  ),
  "instance.templates.put": route<null>()(
    "sync",
    "POST /1.0/instances/{name}/metadata/templates",
    "Create or replace a template",
    { query: ["project", "path"] },
  ),
  "instance.templates.delete": route<null>()(
    "sync",
    "DELETE /1.0/instances/{name}/metadata/templates",
    "Delete a template",
    { query: ["project", "path"] },
  ),
  "instance.uefi.get": route<uefi.InstanceUefiVariables>()(
    "sync",
    "GET /1.0/instances/{name}/uefi-vars",
    "Variables of the firmware of a virtual machine",
    { query: one },
  ),
  "instance.uefi.put": route<null>()(
    "sync",
    "PUT /1.0/instances/{name}/uefi-vars",
    "Replace all variables of the firmware of a virtual machine that is stopped",
    { query: one, body: uefi.uefiVariables },
  ),
  "instance.logs": route<string[]>()("sync", "GET /1.0/instances/{name}/logs", "The log files", {
    query: one,
  }),
  "instance.log.get": route()("raw", "GET /1.0/instances/{name}/logs/{file}", "One log file", {
    query: one,
  }),
  "instance.log.delete": route<null>()(
    "sync",
    "DELETE /1.0/instances/{name}/logs/{file}",
    "Delete a log file",
    {
      query: one,
    },
  ),
  "instance.outputs": route<string[]>()(
    "sync",
    "GET /1.0/instances/{name}/logs/exec-output",
    "Recorded output of commands",
    { query: one },
  ),
  "instance.output.get": route()(
    "raw",
    "GET /1.0/instances/{name}/logs/exec-output/{file}",
    "What a command printed",
    { query: one },
  ),
  "instance.output.delete": route<null>()(
    "sync",
    "DELETE /1.0/instances/{name}/logs/exec-output/{file}",
    "Delete what a command printed",
    { query: one },
  ),
  "instance.plan": route<unknown>()(
    "sync",
    "GET /internal/instances/{name}/plan",
    "What a start of the instance would do, step by step",
    { query: one },
  ),
} as const;
