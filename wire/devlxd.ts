// The API an instance finds at /dev/lxd/sock: its routes, and LXD's JSON as types. Its answers have no envelope, and its
// errors are plain text.

import type { Device } from "./instance.ts";
import type { Method } from "./routes/route.ts";
import { object, oneOf, required, type Schema } from "./schema.ts";

/** What an instance may say of itself. */
export const guestStates = ["Started", "Ready"] as const;
export type GuestState = typeof guestStates[number];

export interface GuestPut {
  state: GuestState;
}

/** `GET /1.0` */
export interface Guest extends GuestPut {
  api_version: "1.0";
  instance_type: string;
  location: string;
  /** nobody has proven who they are: being inside is all there is */
  auth: "untrusted";
}

/** `GET /1.0/ubuntu-pro` */
export interface UbuntuPro {
  guest_attach: "off" | "on" | "available";
}

interface GuestEventOf<Type extends string, Metadata> {
  type: Type;
  timestamp: string;
  metadata: Metadata;
}

export type GuestEvent =
  | GuestEventOf<"config", { key: string; old_value: string; value: string }>
  | GuestEventOf<"device", { action: "added" | "removed" | "updated"; name: string; config: Device }>;
export type GuestEventType = GuestEvent["type"];

export interface GuestRoute {
  method: Method;
  /** LXD's path with `{name}` for parameters */
  path: string;
  summary: string;
  body?: Schema;
}

export const guestRoutes = {
  "versions": { method: "GET", path: "/", summary: "Versions of this API" },
  "state.get": { method: "GET", path: "/1.0", summary: "What the instance is" },
  "state.patch": {
    method: "PATCH",
    path: "/1.0",
    summary: "Say that the instance is ready, or is not",
    body: object({ state: required(oneOf(...guestStates)) }),
  },
  "config.list": {
    method: "GET",
    path: "/1.0/config",
    summary: "Addresses of the keys the instance may read",
  },
  "config.get": { method: "GET", path: "/1.0/config/{key}", summary: "The value of a key" },
  "devices": { method: "GET", path: "/1.0/devices", summary: "The devices of the instance" },
  "metadata": { method: "GET", path: "/1.0/meta-data", summary: "What cloud-init wants to know" },
  "events": { method: "GET", path: "/1.0/events", summary: "Changes of keys and devices, as they happen" },
  "image.export": {
    method: "GET",
    path: "/1.0/images/{fingerprint}/export",
    summary: "The files of an image",
  },
  "ubuntu.pro": { method: "GET", path: "/1.0/ubuntu-pro", summary: "Whether to attach to Ubuntu Pro" },
  "ubuntu.token": { method: "POST", path: "/1.0/ubuntu-pro/token", summary: "A token for Ubuntu Pro" },
} as const satisfies Record<string, GuestRoute>;

export type GuestRouteName = keyof typeof guestRoutes;
