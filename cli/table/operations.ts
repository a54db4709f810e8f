// Rows of the commands of what goes on: operations, events, and requests of any kind.

import type { Arg, Command, Group } from "../command.ts";
import { allProjects, example, format, remote } from "./words.ts";

const operation: Arg = { name: "operation", kind: "operation", remote: true };

const operations = () => import("../commands/operation.ts");

export const groups: readonly Group[] = [
  { path: "operation", summary: "Manage background operations" },
];

export const commands: readonly Command[] = [
  {
    path: "operation list",
    aliases: ["ls"],
    args: [remote],
    flags: [format, allProjects],
    summary: "List background operations",
    examples: [example("operation list", "List every operation")],
    load: async () => (await operations()).list,
  },
  {
    path: "operation show",
    args: [operation],
    flags: [],
    summary: "Show an operation as YAML",
    examples: [example("operation show 7f0c8e1a-3c1b-4b7e-9d8e-0a5b5c7f2f11", "Show one by its id")],
    load: async () => (await operations()).show,
  },
  {
    path: "operation delete",
    aliases: ["cancel", "rm"],
    args: [operation],
    flags: [],
    summary: "Cancel an operation",
    examples: [
      example("operation delete 7f0c8e1a-3c1b-4b7e-9d8e-0a5b5c7f2f11", "Cancel one, if it can be cancelled"),
    ],
    load: async () => (await operations()).cancel,
  },
  {
    path: "monitor",
    args: [remote],
    flags: [
      {
        name: "type",
        value: "type",
        isList: true,
        choices: ["lifecycle", "operation", "logging"],
        summary: "Type of events to show: lifecycle, operation or logging",
      },
      {
        name: "format",
        short: "f",
        value: "format",
        choices: ["yaml", "json", "pretty"],
        default: "yaml",
        summary: "Format: yaml, json or pretty",
      },
      { name: "pretty", summary: "Short for --format pretty" },
      {
        name: "loglevel",
        value: "level",
        choices: ["debug", "info", "warning", "error"],
        default: "debug",
        summary: "Lowest level of log messages to show: debug, info, warning or error",
      },
      allProjects,
    ],
    summary: "Show events as they happen",
    examples: [
      example("monitor --pretty", "Print one line per event"),
      example("monitor --type lifecycle --format json", "Print starts, stops and changes as JSON"),
    ],
    load: async () => (await import("../commands/monitor.ts")).monitor,
  },
  {
    path: "query",
    args: [{ name: "API path", kind: "text", remote: true }],
    flags: [
      {
        name: "request",
        short: "X",
        value: "method",
        default: "GET",
        summary: "Method of the request (default: GET)",
      },
      { name: "data", short: "d", value: "JSON", summary: "Body of the request; - for standard input" },
      { name: "wait", short: "w", summary: "Wait for the operation to end" },
      { name: "raw", summary: "Print the whole response, not only its metadata" },
    ],
    summary: "Send a request to the API",
    examples: [
      example("query /1.0/instances?recursion=1", "Read a resource"),
      example(
        `query -X PUT -d '{"action":"stop"}' --wait /1.0/instances/web/state`,
        "Change one and wait for the operation",
      ),
    ],
    load: async () => (await import("../commands/query.ts")).query,
  },
];
