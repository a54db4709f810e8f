// Routes of the server itself: what it is, what happens on it, the host below it.

import type * as doctor from "../doctor.ts";
import type { Event } from "../event.ts";
import type { Resources } from "../resources.ts";
import {
  type Cluster,
  type ConfigurationMetadata,
  type Server,
  serverPut,
  type ServerUntrusted,
} from "../server.ts";
import { route } from "./route.ts";

export const server = {
  "api.versions": route<string[]>()("sync", "GET /", "The API versions this server speaks", {
    access: "untrusted",
  }),
  "server.get": route<Server | ServerUntrusted>()(
    "sync",
    "GET /1.0",
    "The server, its environment and settings",
    {
      query: ["project", "target"],
      access: "untrusted",
    },
  ),
  "cluster.get": route<Cluster>()("sync", "GET /1.0/cluster", "That there is no cluster"),
  "configuration.get": route<ConfigurationMetadata>()(
    "sync",
    "GET /1.0/metadata/configuration",
    "Every configuration key that drey obeys",
    { access: "untrusted" },
  ),
  "openapi": route()("raw", "GET /openapi.json", "This API, as an OpenAPI document"),
  "server.update": route<null>()("sync", "PUT /1.0", "Replace the settings of the server", {
    body: serverPut,
  }),
  "server.patch": route<null>()("sync", "PATCH /1.0", "Change settings of the server", { body: serverPut }),
  "resources.get": route<Resources>()("sync", "GET /1.0/resources", "The hardware of the host"),
  "events.listen": route<Event>()("socket", "GET /1.0/events", "What happens, as it happens", {
    query: ["project", "type", "all-projects"],
  }),
  "doctor": route<doctor.Prerequisite[]>()(
    "sync",
    "GET /internal/doctor",
    "What drey needs from the host, and how to mend what is missing",
  ),
  "doctor.fix": route<doctor.DoctorFixed>()(
    "sync",
    "POST /internal/doctor",
    "Install the Debian packages that are missing",
  ),
} as const;
