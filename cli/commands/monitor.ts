// drey monitor: events as they arrive, until interrupted.

import type { Event } from "../../wire/event.ts";
import { toYaml } from "../output.ts";
import { resolveOnServer } from "../resolve.ts";
import type { Shell } from "../shell.ts";

export async function monitor(shell: Shell): Promise<void> {
  const { typed } = shell;
  const client = await shell.connect(resolveOnServer(typed.args[0] ?? "").remote);
  const query = new URLSearchParams();
  const types = typed.list("type");
  if (types.length > 0) query.set("type", types.join(","));
  if (typed.has("all-projects")) query.set("all-projects", "true");
  else if (client.project !== undefined) query.set("project", client.project);
  const socket = await client.socket(`/1.0/events?${query}`);
  const format = typed.has("pretty") ? "pretty" : typed.text("format");
  for await (const message of socket.messages) {
    if (typeof message !== "string" || message === "") continue;
    shell.print(await formatEvent(JSON.parse(message), format ?? "yaml"));
  }
}

async function formatEvent(event: Event, format: string): Promise<string> {
  if (format === "json") return `${JSON.stringify(event)}\n`;
  return format === "pretty" ? `${prettyLine(event)}\n` : `${await toYaml(event)}\n\n`;
}

/** One line for people: level, time, what happened. */
export function prettyLine(event: Event): string {
  const level = event.type === "logging" ? event.metadata.level.toUpperCase() : "INFO";
  const start = `${level.padEnd(7)} [${event.timestamp}]`;
  switch (event.type) {
    case "lifecycle":
      return `${start} Action: ${event.metadata.action}, Source: ${event.metadata.source}`;
    case "operation":
      return `${start} ID: ${event.metadata.id}, Class: ${event.metadata.class}, Description: ${event.metadata.description}, Status: ${event.metadata.status}${
        event.metadata.err === "" ? "" : `, Error: ${event.metadata.err}`
      }`;
    case "logging": {
      const context = Object.entries(event.metadata.context ?? {}).map(([key, value]) => ` ${key}=${value}`);
      return `${start} ${event.metadata.message}${context.join("")}`;
    }
  }
}
