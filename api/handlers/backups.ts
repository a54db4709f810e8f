// Backups of instances and of custom volumes.

import { inProject } from "../../wire/address.ts";
import * as backups from "../../domain/backups.ts";
import { backupAddress, instanceSubject, type Subject, volumeSubject } from "../../domain/backups/record.ts";
import { customRef } from "../../domain/storage_volumes.ts";
import type { Context } from "../../domain/context.ts";
import type { Handlers } from "../call.ts";

type Names =
  | "instance.backups.list"
  | "instance.backups.create"
  | "instance.backup.get"
  | "instance.backup.rename"
  | "instance.backup.delete"
  | "instance.backup.export"
  | "volume.backups.list"
  | "volume.backups.create"
  | "volume.backup.get"
  | "volume.backup.rename"
  | "volume.backup.delete"
  | "volume.backup.export";

interface OfInstance {
  project: string;
  params: { name: string };
}

interface OfVolume {
  context: Context;
  project: string;
  params: { pool: string; type: string; volume: string };
}

const ofInstance = ({ project, params }: OfInstance): Subject =>
  instanceSubject({ project, name: params.name });

const refOf = ({ context, project, params: { pool, type, volume } }: OfVolume) =>
  customRef(context, project, { pool, type, name: volume });

const ofVolume = async (call: OfVolume): Promise<Subject> => volumeSubject(await refOf(call));

const addresses = (subject: Subject, found: { name: string }[]) =>
  found.map(({ name }) => inProject(backupAddress(subject, name), subject.project));

async function send(context: Context, subject: Subject, name: string): Promise<Response> {
  const { openBackup } = await import("../../domain/backups/change.ts");
  const { file, size } = await openBackup(context, subject, name);
  return new Response(file.readable, {
    headers: { "content-type": "application/octet-stream", "content-length": String(size) },
  });
}

const changes = () => import("../../domain/backups/change.ts");
const making = () => import("../../domain/backups/create.ts");

export const handlers: Handlers<Names> = {
  "instance.backups.list": async (call) => {
    const subject = ofInstance(call);
    const found = await backups.backupsOf(call.context, subject, backups.instanceShape);
    return call.recursion > 0 ? found : addresses(subject, found);
  },
  "instance.backups.create": async ({ context, project, params, body }) => {
    const { instance_only, container_only, optimized_storage = false, compression_algorithm, ...rest } = body;
    const wish = {
      ...rest,
      alone: instance_only ?? container_only ?? false,
      optimized: optimized_storage,
      ...(compression_algorithm ? { compression: compression_algorithm } : {}),
    };
    return await (await making()).backUpInstance(context, { project, name: params.name }, wish);
  },
  "instance.backup.get": (call) =>
    backups.backupOf(
      call.context,
      { subject: ofInstance(call), name: call.params.backup },
      backups.instanceShape,
    ),
  "instance.backup.rename": async (call) => {
    const { renameBackup } = await changes();
    return await renameBackup(call.context, ofInstance(call), {
      name: call.params.backup,
      to: call.body.name,
    });
  },
  "instance.backup.delete": async (call) =>
    await (await changes()).deleteBackup(call.context, ofInstance(call), call.params.backup),
  "instance.backup.export": (call) => send(call.context, ofInstance(call), call.params.backup),
  "volume.backups.list": async (call) => {
    const subject = await ofVolume(call);
    const found = await backups.backupsOf(call.context, subject, backups.volumeShape);
    return call.recursion > 0 ? found : addresses(subject, found);
  },
  "volume.backups.create": async (call) => {
    const { volume_only = false, optimized_storage = false, compression_algorithm, ...rest } = call.body;
    const wish = {
      ...rest,
      alone: volume_only,
      optimized: optimized_storage,
      ...(compression_algorithm ? { compression: compression_algorithm } : {}),
    };
    return await (await making()).backUpVolume(call.context, await refOf(call), wish);
  },
  "volume.backup.get": async (call) =>
    await backups.backupOf(
      call.context,
      { subject: await ofVolume(call), name: call.params.backup },
      backups.volumeShape,
    ),
  "volume.backup.rename": async (call) => {
    const { renameBackup } = await changes();
    return await renameBackup(call.context, await ofVolume(call), {
      name: call.params.backup,
      to: call.body.name,
    });
  },
  "volume.backup.delete": async (call) =>
    await (await changes()).deleteBackup(call.context, await ofVolume(call), call.params.backup),
  "volume.backup.export": async (call) => await send(call.context, await ofVolume(call), call.params.backup),
};
