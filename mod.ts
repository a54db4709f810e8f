/**
 * drey as a library: the API of LXD, in this process or on a server, typed.
 *
 * @example Start a container, run a command in it, delete it
 * ```ts
 * import { capture, connect } from "@drey/drey";
 *
 * await using drey = await connect();
 * const creating = await drey.start("instances.create", {
 *   body: { name: "web", start: true, source: { type: "image", protocol: "debian", alias: "12" } },
 * });
 * await creating.wait({ onUpdate: ({ metadata }) => console.log(metadata?.download_progress) });
 *
 * const { status, stdout } = await capture(drey, { name: "web", post: { command: ["cat", "/etc/os-release"] } });
 * console.log(status, stdout, (await drey.call("instance.get", { params: { name: "web" } })).status);
 *
 * const deleting = await drey.start("instance.delete", { params: { name: "web" }, query: { force: 1 } });
 * await deleting.wait();
 * ```
 *
 * @module
 */

export { connect, type ConnectOptions } from "./client/connect.ts";
export type { CallArguments, CallOptions, Client, ClientOptions, Query, Upload } from "./client/client.ts";
export { type Events, type EventsOptions, listen } from "./client/events.ts";
export type { RunningOperation, WaitOptions } from "./client/operations.ts";
export {
  capture,
  type Captured,
  type ExecControl,
  type ExecStreams,
  type ExecTarget,
  execute,
} from "./client/streams.ts";
export type { Protocol, Remote } from "./client/remotes.ts";
export type { RouteAnswer, RouteCall, Transport } from "./client/transport.ts";
export { DreyError, type DreyErrorOptions, type ErrorCode, errorCodes } from "./errors.ts";
export type * from "./wire/backup.ts";
export type * from "./wire/certificate.ts";
export type * from "./wire/envelope.ts";
export type * from "./wire/event.ts";
export type * from "./wire/image.ts";
export type * from "./wire/instance.ts";
export type * from "./wire/instance_snapshot.ts";
export type * from "./wire/network.ts";
export type * from "./wire/network_acl.ts";
export type * from "./wire/network_forward.ts";
export type * from "./wire/network_zone.ts";
export type * from "./wire/operation.ts";
export type * from "./wire/profile.ts";
export type * from "./wire/project.ts";
export type * from "./wire/resources.ts";
export type {
  BodyOf,
  DeclaredResult,
  Listing,
  Method,
  ParamsOf,
  ResultFor,
  ResultOf,
  Route,
  RouteKind,
  RouteName,
  Routes,
  RoutesOfKind,
} from "./wire/routes.ts";
export type { Field, Schema, TypeOf } from "./wire/schema.ts";
export type * from "./wire/server.ts";
export type { Message, Socket } from "./wire/socket.ts";
export type * from "./wire/status.ts";
export type * from "./wire/storage_pool.ts";
export type * from "./wire/storage_volume.ts";
export type { UploadFile } from "./wire/upload.ts";
export type * from "./wire/warning.ts";
