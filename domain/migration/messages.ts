// What both ends of a migration say on the stream `control`, LXD's lxd/migration/migrate.proto: an offer, an answer to
// it, and how it ended.

import { DreyError } from "../../errors.ts";
import type { IdMap, IdRange } from "../../idmap/map.ts";
import type { RsyncFeature } from "../../runtime/rsync.ts";
import type { Config, Devices } from "../../wire/instance.ts";
import type { VolumeContent } from "../../wire/storage_volume.ts";
import { type MessageFields, type ReadMessage, readMessage, writeMessage } from "./protobuf.ts";

/** Ways of LXD's that files can go; the others are streams of its storage drivers. */
export const ways = { rsync: 0, blockAndRsync: 4 } as const;

/** How a custom volume goes. */
export const wayOf = (content: VolumeContent): number =>
  content === "filesystem" ? ways.rsync : ways.blockAndRsync;

/** The one version of the description that goes ahead of the files. */
export const indexVersion = 1;

/** `CRIU_RSYNC`: the memory of a container that runs is to come along. */
export const memoryByCriu = 0;

/** A snapshot as it is announced; times are in seconds. */
export interface OfferedSnapshot {
  name: string;
  config: Config;
  devices: Devices;
  profiles: string[];
  ephemeral: boolean;
  /** of LXD's numbers */
  architecture: number;
  createdAt: number;
  usedAt: number;
  /** not after 0 for never */
  expiresAt: number;
}

/** An offer, or the answer to one. */
export interface Header {
  way: number;
  criu?: number | undefined;
  /** the ids that files have as they come; none if they are those inside */
  owners: IdMap;
  snapshotNames: string[];
  snapshots: OfferedSnapshot[];
  features: string[];
  refresh?: boolean | undefined;
  volumeSize?: number | undefined;
  indexVersion: number;
}

/** The last one of the year 9999, which is as far as RFC 3339 goes. */
const lastSecond = 253_402_300_799;

/** characters of what the other end says went wrong: it is kept with the operation */
const longestFailure = 2_000;

const ownFeatures: readonly RsyncFeature[] = ["xattrs", "delete", "hard_links", "acls"];

/** Fields of `rsyncFeatures`; the last two are drey's, and LXD passes over them. */
const featureNumbers = { xattrs: 1, delete: 2, compress: 3, bidirectional: 4, hard_links: 1001, acls: 1002 };

/** What this end can do, in a header. */
export const featuresHere: readonly string[] = [...ownFeatures, "bidirectional"];

/** What both ends can do, in an order that is the same everywhere. */
export function commonFeatures(theirs: readonly string[]): RsyncFeature[] {
  // servers before LXD 3.8 say nothing and do these
  if (!theirs.includes("bidirectional")) return ["xattrs", "delete", "compress"];
  return ownFeatures.filter((feature) => theirs.includes(feature));
}

/** The bytes of a header. */
export function writeHeader(header: Header): Uint8Array {
  const { owners, features } = header;
  return writeMessage([
    [1, header.way],
    [2, header.criu],
    ...[
      ...owners.uids.map((range) => writeRange(range, true)),
      ...owners.gids.map((range) => writeRange(range, false)),
    ].map((message) => [3, message] as const),
    ...header.snapshotNames.map((name) => [4, name] as const),
    ...header.snapshots.map((snapshot) => [5, writeSnapshot(snapshot)] as const),
    [
      8,
      writeMessage(Object.entries(featureNumbers).map(([name, number]) => [number, features.includes(name)])),
    ],
    [9, header.refresh],
    [11, header.volumeSize],
    [13, header.indexVersion],
  ]);
}

const writeRange = ({ hostId, nsId, count }: IdRange, isUid: boolean): Uint8Array =>
  writeMessage([[1, isUid], [2, !isUid], [3, hostId], [4, nsId], [5, count]]);

const writeConfig = (number: number, config: Config): MessageFields =>
  Object.entries(config).map(([key, value]) => [number, writeMessage([[1, key], [2, value]])]);

function writeSnapshot(snapshot: OfferedSnapshot): Uint8Array {
  const devices = Object.entries(snapshot.devices).map(([name, config]) =>
    [5, writeMessage([[1, name], ...writeConfig(2, config)])] as const
  );
  return writeMessage([
    [1, snapshot.name],
    ...writeConfig(2, snapshot.config),
    ...snapshot.profiles.map((name) => [3, name] as const),
    [4, snapshot.ephemeral],
    ...devices,
    [6, snapshot.architecture],
    [7, false],
    [8, snapshot.createdAt],
    [9, snapshot.usedAt],
    [10, snapshot.expiresAt],
  ]);
}

/** Reads a header. @throws {DreyError} `OPERATION_FAILED` with what the other end says if it gives up instead */
export function readHeader(bytes: Uint8Array): Header {
  return understood(() => headerIn(readMessage(bytes)));
}

function headerIn(message: ReadMessage): Header {
  // where a header has a number, the word that the other end gives up has a text
  const failure = message.text(2);
  if (failure !== undefined) throw otherEnd(failure);
  const features = message.message(8);
  const ranges = message.messages(3);
  return {
    way: message.number(1) ?? ways.rsync,
    criu: message.number(2),
    owners: {
      uids: ranges.filter((range) => range.boolean(1)).map(readRange),
      gids: ranges.filter((range) => range.boolean(2)).map(readRange),
    },
    snapshotNames: message.texts(4),
    snapshots: message.messages(5).map(readSnapshot),
    features: Object.entries(featureNumbers).flatMap(([name, number]) =>
      features?.boolean(number) ? [name] : []
    ),
    refresh: message.boolean(9),
    volumeSize: message.number(11),
    indexVersion: message.number(13) ?? 0,
  };
}

const readRange = (message: ReadMessage): IdRange => ({
  hostId: message.number(3) ?? 0,
  nsId: message.number(4) ?? 0,
  count: message.number(5) ?? 0,
});

const readConfig = (entries: readonly ReadMessage[]): Config =>
  Object.fromEntries(entries.map((entry) => [entry.text(1) ?? "", entry.text(2) ?? ""]));

function readSnapshot(message: ReadMessage): OfferedSnapshot {
  const devices = message.messages(5).map((device) =>
    [device.text(1) ?? "", readConfig(device.messages(2))] as const
  );
  return {
    name: message.text(1) ?? "",
    config: readConfig(message.messages(2)),
    devices: Object.fromEntries(devices),
    profiles: message.texts(3),
    ephemeral: message.boolean(4) ?? false,
    architecture: message.number(6) ?? 0,
    createdAt: secondsIn(message, 8),
    usedAt: secondsIn(message, 9),
    expiresAt: secondsIn(message, 10),
  };
}

/** A time that can be told in a date. @throws {RangeError} */
function secondsIn(message: ReadMessage, field: number): number {
  const seconds = message.number(field) ?? 0;
  if (Math.abs(seconds) > lastSecond) throw new RangeError(`the time ${seconds}`);
  return seconds;
}

/** The last word of an end: that all went well, or what did not. */
export const writeControl = (failure?: string): Uint8Array =>
  writeMessage([[1, failure === undefined], [2, failure ?? ""]]);

/** Reads the last word. @throws {DreyError} `OPERATION_FAILED` with what did not go well */
export function readControl(bytes: Uint8Array): void {
  const message = understood(() => readMessage(bytes));
  if (message.boolean(1)) return;
  throw otherEnd(message.text(2) ?? "");
}

/** What a message says. @throws {DreyError} `NETWORK` if it is none */
function understood<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new DreyError("NETWORK", { message: "The other server sent no message of a migration", cause });
  }
}

/** The error of an end whose other end has given up. */
export const otherEnd = (failure: string): DreyError =>
  new DreyError("OPERATION_FAILED", {
    message: `The other server gave up: ${failure.slice(0, longestFailure) || "it did not say why"}`,
  });
