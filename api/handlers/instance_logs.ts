// Log files of an instance.

import * as logs from "../../domain/instances/logs.ts";
import { type Handlers, refOf } from "../call.ts";
import { addressOf } from "../lists.ts";

type Names =
  | "instance.logs"
  | "instance.log.get"
  | "instance.log.delete"
  | "instance.outputs"
  | "instance.output.get"
  | "instance.output.delete";

const addresses = (project: string, instance: string, names: string[], below: string) => {
  const [path = "", query] = addressOf("instances", instance, project).split("?");
  return names.map((name) => `${path}/logs/${below}${name}${query === undefined ? "" : `?${query}`}`);
};

const sent = (bytes: Uint8Array<ArrayBuffer>, name: string) =>
  new Response(bytes, {
    headers: {
      "content-type": "application/octet-stream",
      "content-disposition": `inline;filename=${name}`,
    },
  });

export const handlers: Handlers<Names> = {
  "instance.logs": async (call) =>
    addresses(call.project, call.params.name, await logs.listLogs(call.context, refOf(call)), ""),
  "instance.log.get": async (call) => {
    const { file } = call.params;
    return sent(await logs.readLog(call.context, refOf(call), file), file);
  },
  "instance.log.delete": (call) => logs.deleteLog(call.context, refOf(call), call.params.file),
  "instance.outputs": async (call) => {
    const names = await logs.listExecOutput(call.context, refOf(call));
    return addresses(call.project, call.params.name, names, "exec-output/");
  },
  "instance.output.get": async (call) => {
    const { file } = call.params;
    return sent(await logs.readExecOutput(call.context, refOf(call), file), file);
  },
  "instance.output.delete": (call) => logs.deleteExecOutput(call.context, refOf(call), call.params.file),
};
