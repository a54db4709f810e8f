// Which file of handlers serves which route. Files are loaded with the first request that needs them, so that a
// command pays for what it uses only; the types hold the two tables together.

import type { RouteName } from "../wire/routes.ts";
import type { Handlers } from "./call.ts";

/** For each route, how to load a file that handles it. */
export type HandlerSources = { [N in RouteName]: () => Promise<{ handlers: Handlers<N> }> };

const server = () => import("./handlers/server.ts");
const certificates = () => import("./handlers/certificates.ts");
const events = () => import("./handlers/events.ts");
const instances = () => import("./handlers/instances.ts");
const snapshots = () => import("./handlers/instance_snapshots.ts");
const files = () => import("./handlers/instance_files.ts");
const sftp = () => import("./handlers/instance_sftp.ts");
const logs = () => import("./handlers/instance_logs.ts");
const metadata = () => import("./handlers/instance_metadata.ts");
const description = () => import("./handlers/description.ts");
const images = () => import("./handlers/images.ts");
const remoteImages = () => import("./handlers/remote_images.ts");
const aliases = () => import("./handlers/image_aliases.ts");
const profiles = () => import("./handlers/profiles.ts");
const projects = () => import("./handlers/projects.ts");
const pools = () => import("./handlers/storage_pools.ts");
const networks = () => import("./handlers/networks.ts");
const volumes = () => import("./handlers/storage_volumes.ts");
const volumeSnapshots = () => import("./handlers/storage_volume_snapshots.ts");
const operations = () => import("./handlers/operations.ts");
const warnings = () => import("./handlers/warnings.ts");
const doctor = () => import("./handlers/doctor.ts");

export const handlerSources: HandlerSources = {
  "api.versions": server,
  "server.get": server,
  "cluster.get": server,
  "configuration.get": description,
  "openapi": description,
  "server.update": server,
  "server.patch": server,
  "resources.get": server,
  "certificates.list": certificates,
  "certificates.create": certificates,
  "certificate.get": certificates,
  "certificate.update": certificates,
  "certificate.patch": certificates,
  "certificate.delete": certificates,
  "events.listen": events,
  "instances.list": instances,
  "instances.create": instances,
  "instances.state": instances,
  "instance.get": instances,
  "instance.update": instances,
  "instance.patch": instances,
  "instance.rename": instances,
  "instance.rebuild": instances,
  "instance.delete": instances,
  "instance.state": instances,
  "instance.state.change": instances,
  "instance.plan": instances,
  "instance.exec": instances,
  "instance.console": instances,
  "instance.console.log": instances,
  "instance.console.clear": instances,
  "snapshots.list": snapshots,
  "snapshots.create": snapshots,
  "snapshot.get": snapshots,
  "snapshot.update": snapshots,
  "snapshot.patch": snapshots,
  "snapshot.rename": snapshots,
  "snapshot.delete": snapshots,
  "instance.file.get": files,
  "instance.file.head": files,
  "instance.file.put": files,
  "instance.file.delete": files,
  "instance.sftp": sftp,
  "instance.logs": logs,
  "instance.log.get": logs,
  "instance.log.delete": logs,
  "instance.outputs": logs,
  "instance.output.get": logs,
  "instance.output.delete": logs,
  "instance.metadata.get": metadata,
  "instance.metadata.put": metadata,
  "instance.metadata.patch": metadata,
  "instance.templates.get": metadata,
  "instance.templates.put": metadata,
  "instance.templates.delete": metadata,
  "images.list": images,
  "images.create": images,
  "images.build": remoteImages,
  "images.prune": remoteImages,
  "remote.images": remoteImages,
  "image.get": images,
  "image.update": images,
  "image.patch": images,
  "image.delete": images,
  "image.export": images,
  "image.push": images,
  "image.refresh": images,
  "image.secret": images,
  "image.aliases.list": aliases,
  "image.aliases.create": aliases,
  "image.alias.get": aliases,
  "image.alias.update": aliases,
  "image.alias.patch": aliases,
  "image.alias.rename": aliases,
  "image.alias.delete": aliases,
  "profiles.list": profiles,
  "profiles.create": profiles,
  "profile.get": profiles,
  "profile.update": profiles,
  "profile.patch": profiles,
  "profile.rename": profiles,
  "profile.delete": profiles,
  "projects.list": projects,
  "projects.create": projects,
  "project.get": projects,
  "project.update": projects,
  "project.patch": projects,
  "project.rename": projects,
  "project.delete": projects,
  "project.state": projects,
  "pools.list": pools,
  "pools.create": pools,
  "pool.update": pools,
  "pool.patch": pools,
  "pool.delete": pools,
  "pool.get": pools,
  "pool.resources": pools,
  "networks.list": networks,
  "networks.create": networks,
  "network.get": networks,
  "network.update": networks,
  "network.patch": networks,
  "network.rename": networks,
  "network.delete": networks,
  "network.state": networks,
  "network.leases": networks,
  "network.allocations": networks,
  "volumes.all": volumes,
  "volumes.all.typed": volumes,
  "volumes.list": volumes,
  "volumes.create": volumes,
  "volumes.typed.list": volumes,
  "volumes.typed.create": volumes,
  "volume.get": volumes,
  "volume.update": volumes,
  "volume.patch": volumes,
  "volume.move": volumes,
  "volume.delete": volumes,
  "volume.state": volumes,
  "volume.snapshots.list": volumeSnapshots,
  "volume.snapshots.create": volumeSnapshots,
  "volume.snapshot.get": volumeSnapshots,
  "volume.snapshot.update": volumeSnapshots,
  "volume.snapshot.patch": volumeSnapshots,
  "volume.snapshot.rename": volumeSnapshots,
  "volume.snapshot.delete": volumeSnapshots,
  "operations.list": operations,
  "operation.get": operations,
  "operation.cancel": operations,
  "operation.wait": operations,
  "operation.socket": operations,
  "warnings.list": warnings,
  "warning.get": warnings,
  "warning.update": warnings,
  "warning.patch": warnings,
  "warning.delete": warnings,
  "metrics": warnings,
  "doctor": doctor,
  "doctor.fix": doctor,
};
