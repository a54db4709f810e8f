// drey query: any request to the API, as it is.

import { defaultRemote } from "../../client/remotes.ts";
import { DreyError } from "../../errors.ts";
import { boundedText } from "../../sys/bounded_text.ts";
import { apiError, openEnvelope } from "../../client/answers.ts";
import { runningOperation } from "../../client/operations.ts";
import type { Method } from "../../wire/routes.ts";
import { readStdin } from "../editor.ts";
import { resolveOnServer } from "../resolve.ts";
import type { Shell } from "../shell.ts";

const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

export async function query(shell: Shell): Promise<void> {
  const { typed } = shell;
  if (typed.text("project") !== undefined) {
    throw new DreyError("BAD_REQUEST", {
      message: "A query goes to its path as it is, and --project has no part in it",
      hint: "Write ?project= at the end of the path",
    });
  }
  const { remote, path } = readPath(typed.args[0] ?? "");
  const method = (typed.text("request") ?? "GET").toUpperCase();
  if (!methods.includes(method)) {
    throw new DreyError("BAD_REQUEST", {
      message: `There is no method "${method}"; there are ${methods.join(", ")}`,
    });
  }
  const data = typed.text("data");
  if (data !== undefined && ["GET", "HEAD"].includes(method)) {
    throw new DreyError("BAD_REQUEST", {
      message: `A ${method} request takes no data`,
      hint: "Give --request POST, PUT or PATCH",
    });
  }
  const client = await shell.connect(remote);
  const response = await client.send(method as Method, path, data === "-" ? await readStdin() : data);
  if (!response.headers.get("content-type")?.includes("json")) return await printBytes(shell, response);
  const text = await boundedText(response);
  if (typed.has("raw") || (response.ok && !isEnvelope(text))) {
    return shell.print(`${JSON.stringify(JSON.parse(text), null, "\t")}\n`);
  }
  const answer = openEnvelope<unknown>(response.status, text);
  const isWaiting = answer.type === "async" && typed.has("wait");
  const metadata = isWaiting
    ? await shell.wait(runningOperation(client, answer.metadata), path)
    : answer.metadata;
  if (metadata !== null && metadata !== undefined) shell.print(`${JSON.stringify(metadata, null, "\t")}\n`);
}

/** /openapi.json is none, and the only thing of its kind. */
function isEnvelope(text: string): boolean {
  const body: unknown = JSON.parse(text);
  return typeof body === "object" && body !== null && "type" in body;
}

async function printBytes(shell: Shell, response: Response): Promise<void> {
  if (response.status >= 400) throw apiError(response.status, (await boundedText(response)).trim());
  for await (const chunk of response.body ?? []) shell.print(chunk);
}

// a path starts with a slash, so what stands before it can only be a remote
function readPath(text: string) {
  const { remote, name } = resolveOnServer(/^[\w.-]+:/.test(text) ? text : `${defaultRemote()}:${text}`);
  if (name.startsWith("/")) return { remote, path: name };
  throw new DreyError("BAD_REQUEST", { message: `"${text}" is no path of the API: it begins with a slash` });
}
