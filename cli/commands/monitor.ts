// drey monitor: events as they arrive, until interrupted.

import { listen } from "../../client/events.ts";
import type { Event, EventType } from "../../wire/event.ts";
import { toYaml } from "../output.ts";
import { resolveOnServer } from "../resolve.ts";
import type { Shell } from "../shell.ts";

export async function monitor(shell: Shell): Promise<void> {
  const { typed } = shell;
  const client = await shell.connect(resolveOnServer(typed.args[0] ?? "").remote);
  // the server says which types there are
  const types = typed.list("type") as EventType[];
  await using events = await listen(client, { types, allProjects: typed.has("all-projects") });
  const format = typed.has("pretty") ? "pretty" : typed.text("format");
  const least = severity(typed.text("loglevel"));
  for await (const event of events) {
    if (event.type === "logging" && severity(event.metadata.level) < least) continue;
    shell.print(await formatEvent(event, format ?? "yaml"));
  }
}

/** How bad a level of the log is; what servers call otherwise is shown. */
export function severity(level = ""): number {
  const at = ["trace", "debug", "info", "warn", "error"].indexOf(level.replace("warning", "warn"));
  return at === -1 ? 5 : at;
}

async function formatEvent(event: Event, format: string): Promise<string> {
  if (format === "json") return `${JSON.stringify(event)}\n`;
  return format === "pretty" ? `${prettyLine(event)}\n` : `${await toYaml(event)}\n\n`;
}

type Fields = Record<string, unknown>;

/** One line for people, as lxc prints it on a terminal: level, time, what happened, further fields by name. */
function prettyLine(event: Event): string {
  const { level, message, fields } = described(event);
  const time = event.timestamp.replace(/\.\d+/, "");
  const pairs = Object.entries(fields).sort(([a], [b]) => a < b ? -1 : 1)
    .map(([name, value]) => ` ${name}=${quoted(goText(value))}`);
  return `${level.toUpperCase().padEnd(7)}[${time}] ${message.padEnd(44)} ${pairs.join("")}`.trimEnd();
}

function described(event: Event): { level: string; message: string; fields: Fields } {
  switch (event.type) {
    case "lifecycle": {
      const { action, source, requestor, context = {} } = event.metadata;
      const by = requestor && `${requestor.protocol}/${requestor.username} (${requestor.address})`;
      const message = `Action: ${action}, Source: ${source}${by === undefined ? "" : `, Requestor: ${by}`}`;
      return { level: "info", message, fields: context };
    }
    case "operation": {
      const { id, class: kind, description, ...rest } = event.metadata;
      const fields = {
        CreatedAt: goTime(rest.created_at),
        Err: rest.err,
        Location: rest.location,
        MayCancel: rest.may_cancel,
        Metadata: rest.metadata ?? {},
        Resources: rest.resources ?? {},
        Status: rest.status,
        StatusCode: rest.status,
        UpdatedAt: goTime(rest.updated_at),
      };
      return { level: "info", message: `ID: ${id}, Class: ${kind}, Description: ${description}`, fields };
    }
    case "logging": {
      const { level, message, context } = event.metadata;
      return { level, message, fields: context ?? {} };
    }
  }
}

const quoted = (text: string) => /^[A-Za-z0-9\-._/@^+]*$/.test(text) ? text : JSON.stringify(text);

/** A time as Go prints it. */
function goTime(iso: string): string {
  return iso.replace("T", " ").replace(/\.?0*Z$/, " +0000 UTC");
}

/** A value as Go prints it: `map[instances:[/1.0/instances/c1]]`. */
function goText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(goText).join(" ")}]`;
  if (typeof value !== "object" || value === null) return String(value);
  const pairs = Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1);
  return `map[${pairs.map(([key, item]) => `${key}:${goText(item)}`).join(" ")}]`;
}
