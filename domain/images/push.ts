// Sending an image to another server, which waits for it with a secret.

import { ServerAgent } from "../../auth/connect.ts";
import { fetchOver } from "../../auth/https_fetch.ts";
import { DreyError } from "../../errors.ts";
import { boundedText } from "../../sys/bounded_text.ts";
import type { ImageExportPost } from "../../wire/image.ts";
import type { Operation } from "../../wire/operation.ts";
import { statusCodes } from "../../wire/status.ts";
import type { Context } from "../context.ts";
import { startOperation, type Task } from "../operations.ts";
import { exportImage } from "./export.ts";
import { bodyOf } from "./parts.ts";
import { findRecord } from "./records.ts";

/**
 * Begins to send an image.
 *
 * @throws {DreyError} `NOT_FOUND`, `NOT_SUPPORTED` for an image that has no files to send, `BAD_REQUEST` for a place that
 * is no server
 */
export async function pushImage(
  context: Context,
  project: string,
  { fingerprint: prefix, post }: { fingerprint: string; post: ImageExportPost },
): Promise<Operation> {
  const { value: { fingerprint } } = await findRecord(context, project, prefix);
  if (!/^https:\/\//.test(post.target) || !URL.canParse(post.target)) {
    throw new DreyError("BAD_REQUEST", {
      message: `Cannot send the image to "${post.target}": it is no https address`,
    });
  }
  const files = await exportImage(context, project, fingerprint);
  return await startOperation(context, {
    project,
    description: "Uploading image",
    resources: { images: [`/1.0/images/${fingerprint}`] },
    mayCancel: true,
    run: (task) => push({ fingerprint, files, post, task }),
  });
}

interface Push {
  fingerprint: string;
  files: Awaited<ReturnType<typeof exportImage>>;
  post: ImageExportPost;
  task: Task;
}

function envelopeOf(text: string): { metadata?: unknown; error?: string } | undefined {
  try {
    return JSON.parse(text) ?? undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined; // whoever answers is no LXD
    throw error;
  }
}

async function push({ fingerprint, files, post, task }: Push): Promise<void> {
  const { target, certificate, secret, project = "" } = post;
  const agent = new ServerAgent({ address: target, ...certificate && { certificate } });
  const call = async (path: string, init: RequestInit = {}) => {
    const request = new Request(`http://127.0.0.1${path}`, { ...init, signal: task.signal });
    const response = await fetchOver(agent, target, request);
    const body = envelopeOf(await boundedText(response));
    if (response.ok && body !== undefined) return body.metadata as Operation;
    throw new DreyError("NETWORK", {
      message: `The server at "${target}" did not take the image: ${body?.error ?? response.status}`,
    });
  };
  try {
    const [only] = files;
    const headers = {
      "x-lxd-fingerprint": fingerprint,
      "x-lxd-secret": secret,
      "x-lxd-filename": only?.filename ?? "",
      ...post.aliases &&
        { "x-lxd-aliases": new URLSearchParams(post.aliases.map(({ name }) => ["alias", name])).toString() },
    };
    const query = project === "" ? "" : `?${new URLSearchParams({ project })}`;
    const operation = await call(`/1.0/images${query}`, {
      method: "POST",
      ...await uploadOf(files, headers),
    });
    const waiting = String(operation.metadata?.secret ?? "");
    const wait = `/1.0/operations/${operation.id}/wait?${new URLSearchParams({
      timeout: "-1",
      secret: waiting,
    })}`;
    const ended = await call(wait);
    if (ended.status_code === statusCodes.Success) return;
    throw new DreyError("OPERATION_FAILED", { message: `The other server refused the image: ${ended.err}` });
  } finally {
    agent.destroy();
  }
}

async function uploadOf(files: Push["files"], headers: Record<string, string>): Promise<RequestInit> {
  const [only] = files;
  if (only !== undefined && files.length === 1) {
    const type = { "content-type": "application/octet-stream" };
    return { body: await only.open(), headers: { ...headers, ...type } };
  }
  const { body, contentType } = bodyOf(files);
  return { body, headers: { ...headers, "content-type": contentType } };
}
