// Routes of what belongs to an instance: its files, its image's metadata, its logs.

import * as image from "../image.ts";
import * as uefi from "../uefi_variables.ts";
import { one, route } from "./route.ts";

export const instanceParts = {
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
