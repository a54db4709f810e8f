// Routes of images and their aliases.

import * as image from "../image.ts";
import { type Listing, lists, one, route } from "./route.ts";

export const images = {
  "images.list": route<Listing<string[], image.Image[]>>()("sync", "GET /1.0/images", "All images", {
    query: lists,
    access: "untrusted",
  }),
  "images.create": route()(
    "async",
    "POST /1.0/images",
    "Add an image: upload its files, or name its source",
    {
      query: one,
      access: "untrusted",
    },
  ),
  "images.build": route()("async", "POST /internal/image-builds", "Build an image from a definition", {
    query: one,
    body: image.imageBuildPost,
  }),
  "images.prune": route<image.ImagePrunable[]>()(
    "sync",
    "POST /internal/image-prune",
    "Remove what can be had again, or is of no use",
    { body: image.imagesPrunePost, access: "admin" },
  ),
  "remote.images": route<image.Image[]>()(
    "sync",
    "GET /internal/remote-images",
    "What an image server offers, asked for or remembered by this one",
    { query: ["server", "protocol", "alias", "type"], access: "admin" },
  ),
  "image.get": route<image.Image>()("sync", "GET /1.0/images/{fingerprint}", "One image", {
    query: ["project", "secret"],
    access: "untrusted",
  }),
  "image.update": route<null>()("sync", "PUT /1.0/images/{fingerprint}", "Replace the image's properties", {
    query: one,
    body: image.imagePut,
  }),
  "image.patch": route<null>()("sync", "PATCH /1.0/images/{fingerprint}", "Change some of its properties", {
    query: one,
    body: image.imagePut,
  }),
  "image.delete": route()("async", "DELETE /1.0/images/{fingerprint}", "Delete the image", { query: one }),
  "image.export": route()("raw", "GET /1.0/images/{fingerprint}/export", "The image's files", {
    query: ["project", "secret"],
    access: "untrusted",
  }),
  "image.push": route()(
    "async",
    "POST /1.0/images/{fingerprint}/export",
    "Send the image to another server",
    {
      query: one,
      body: image.imageExportPost,
    },
  ),
  "image.refresh": route()(
    "async",
    "POST /1.0/images/{fingerprint}/refresh",
    "Fetch what its remote has now in its place",
    { query: one },
  ),
  "image.secret": route()(
    "async",
    "POST /1.0/images/{fingerprint}/secret",
    "A secret for one download by somebody unknown",
    { query: one },
  ),
  "image.aliases.list": route<Listing<string[], image.ImageAliasesEntry[]>>()(
    "sync",
    "GET /1.0/images/aliases",
    "All image aliases",
    { query: lists, access: "untrusted" },
  ),
  "image.aliases.create": route<null>()("sync", "POST /1.0/images/aliases", "Add an alias", {
    query: one,
    body: image.imageAliasesPost,
  }),
  "image.alias.get": route<image.ImageAliasesEntry>()(
    "sync",
    "GET /1.0/images/aliases/{name}",
    "One alias",
    { query: one, access: "untrusted" },
  ),
  "image.alias.update": route<null>()("sync", "PUT /1.0/images/aliases/{name}", "Replace the alias", {
    query: one,
    body: image.imageAliasPut,
  }),
  "image.alias.patch": route<null>()("sync", "PATCH /1.0/images/aliases/{name}", "Change the alias", {
    query: one,
    body: image.imageAliasPut,
  }),
  "image.alias.rename": route<null>()("sync", "POST /1.0/images/aliases/{name}", "Rename the alias", {
    query: one,
    body: image.imageAliasPost,
  }),
  "image.alias.delete": route<null>()("sync", "DELETE /1.0/images/aliases/{name}", "Delete the alias", {
    query: one,
  }),
} as const;
