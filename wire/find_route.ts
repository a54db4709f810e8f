// A route by its name. Each group of routes stands in a file that is loaded with the first of them: to read back and make
// all groups takes a command 2 ms.

import type { Route, RouteName, Routes } from "./routes.ts";

/** Routes among which are all that share a path with any of them. */
type Group = Partial<Routes>;
type Source = () => Promise<Group>;

/** The first word of a route's name. */
type FirstWord<N extends string = RouteName> = N extends `${infer W}.${string}` ? W : N;

const backups: Source = async () => (await import("./routes/backups.ts")).backups;
const certificates: Source = async () => (await import("./routes/certificates.ts")).certificates;
const images: Source = async () => (await import("./routes/images.ts")).images;
const instances: Source = async () => (await import("./routes/instances.ts")).instances;
const instanceParts: Source = async () => (await import("./routes/instance_parts.ts")).instanceParts;
const networkAcls: Source = async () => (await import("./routes/network_acls.ts")).networkAcls;
const networkForwards: Source = async () => (await import("./routes/network_forwards.ts")).networkForwards;
const networkZones: Source = async () => (await import("./routes/network_zones.ts")).networkZones;
const networks: Source = async () => (await import("./routes/networks.ts")).networks;
const operations: Source = async () => (await import("./routes/operations.ts")).operations;
const pools: Source = async () => (await import("./routes/storage_pools.ts")).storagePools;
const profiles: Source = async () => (await import("./routes/profiles.ts")).profiles;
const projects: Source = async () => (await import("./routes/projects.ts")).projects;
const recover: Source = async () => (await import("./routes/recover.ts")).recover;
const server: Source = async () => (await import("./routes/server.ts")).server;
const snapshots: Source = async () => (await import("./routes/instance_snapshots.ts")).instanceSnapshots;
const volumes: Source = async () => (await import("./routes/storage_volumes.ts")).storageVolumes;
const warnings: Source = async () => (await import("./routes/warnings.ts")).warnings;

/** Which groups have routes whose names begin so, those that are asked most first. */
const sources: Record<FirstWord, readonly Source[]> = {
  api: [server],
  certificate: [certificates],
  certificates: [certificates],
  cluster: [server],
  configuration: [server],
  doctor: [server],
  events: [server],
  image: [images],
  images: [images],
  instance: [instances, instanceParts, backups],
  instances: [instances],
  metrics: [warnings],
  network: [networks, networkAcls, networkForwards, networkZones],
  networks: [networks],
  openapi: [server],
  operation: [operations],
  operations: [operations],
  pool: [pools],
  pools: [pools],
  profile: [profiles],
  profiles: [profiles],
  project: [projects],
  projects: [projects],
  recover: [recover],
  remote: [images],
  resources: [server],
  server: [server],
  snapshot: [snapshots],
  snapshots: [snapshots],
  volume: [volumes, backups],
  volumes: [volumes],
  warning: [warnings],
  warnings: [warnings],
};

/** The group that a route is in. */
export async function groupOf(name: RouteName): Promise<Group> {
  const [word = ""] = name.split(".");
  for (const source of sources[word as FirstWord]) {
    const group = await source();
    if (Object.hasOwn(group, name)) return group;
  }
  throw new Error(`There is no route "${name}"`);
}

/** A route by its name. */
export async function findRoute(name: RouteName): Promise<Route> {
  return (await groupOf(name))[name]!;
}
