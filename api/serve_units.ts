// systemd's units for `drey serve`: a socket that is always there, and a service that starts when somebody comes.

import { join, resolve } from "@std/path";
import { currentProgram } from "../domain/open.ts";
import { currentPlaces } from "../domain/places.ts";
import { DreyError } from "../errors.ts";
import { sparing } from "../domain/server_program.ts";
import { mustBeAbleToLetIn } from "./unix_server.ts";

export interface UnitOptions {
  socket?: string;
  group?: string;
  idle?: number;
}

/** Everything the units depend on. */
export interface UnitPlan {
  isRoot: boolean;
  /** argv that starts drey */
  program: readonly string[];
  socket: string;
  group?: string;
  /** seconds */
  idle: number;
  /** variables that tell drey where it keeps things */
  environment: Readonly<Record<string, string>>;
}

const mark = "# Written by drey serve --install, removed by drey serve --uninstall\n";
const names = ["drey.socket", "drey.service"] as const;

/** The text of each unit; systemd.socket(5), systemd.service(5). */
export function planUnits(plan: UnitPlan): Record<typeof names[number], string> {
  const { isRoot, program, socket, group, idle, environment } = plan;
  const words = [
    ...sparing(program),
    "serve",
    "--idle",
    `${idle}`,
    ...(group === undefined ? [] : ["--group", group]),
  ];
  const variables = Object.entries(environment).map(([name, value]) =>
    `Environment=${quoted(`${name}=${value}`)}`
  );
  return {
    "drey.socket": unit({
      Unit: ["Description=API of drey"],
      Socket: [
        `ListenStream=${escaped(socket)}`,
        `SocketMode=${group === undefined ? "0600" : "0660"}`,
        ...(group === undefined ? [] : [`SocketGroup=${group}`]),
        `DirectoryMode=${group === undefined ? "0700" : "0755"}`,
        "RemoveOnStop=yes",
      ],
      Install: ["WantedBy=sockets.target"],
    }),
    "drey.service": unit({
      Unit: ["Description=Server of drey's API", "Requires=drey.socket", "After=drey.socket"],
      Service: [
        `ExecStart=${words.map(quoted).join(" ")}`,
        "ExecReload=/bin/kill -HUP $MAINPID",
        ...variables,
        // instances that were started through the server go on when it ends
        "KillMode=process",
        "TimeoutStopSec=330",
        "Restart=on-failure",
      ],
      Install: [`WantedBy=${isRoot ? "multi-user.target" : "default.target"}`],
    }),
  };
}

/**
 * Writes the units; what is returned says what to do next.
 *
 * @throws {DreyError} `CONFLICT` if somebody else's units have these names; what {@link mustBeAbleToLetIn} throws
 */
export async function installUnits({ socket, group, idle = 300 }: UnitOptions): Promise<string> {
  const { paths } = currentPlaces();
  const isRoot = Deno.uid() === 0;
  const variables = ["DREY_DIR", "DREY_CONF"].flatMap((name) => {
    const value = Deno.env.get(name);
    return value ? [[name, resolve(value)]] : [];
  });
  const path = resolve(socket ?? join(paths.state, "unix.socket"));
  if (group !== undefined) mustBeAbleToLetIn(group, path);
  const units = planUnits({
    isRoot,
    program: currentProgram(),
    socket: path,
    group,
    idle,
    environment: Object.fromEntries(variables),
  });
  const directory = unitDirectory(isRoot);
  for (const name of names) await mustBeOurs(join(directory, name));
  await Deno.mkdir(directory, { recursive: true });
  for (const name of names) await Deno.writeTextFile(join(directory, name), units[name]);
  const systemctl = isRoot ? "systemctl" : "systemctl --user";
  return [
    `Wrote ${names.join(" and ")} into ${directory}`,
    "Next, to start it when somebody connects:",
    `  ${systemctl} daemon-reload && ${systemctl} enable --now drey.socket`,
    "Or, to have it run all the time, as HTTPS, schedules and boot.autostart need it:",
    `  ${systemctl} daemon-reload && ${systemctl} enable --now drey.socket drey.service`,
    ...(isRoot ? [] : ["And, to keep it without a session of yours:", "  loginctl enable-linger"]),
  ].join("\n");
}

/** Removes the units; what is returned says what to do next. */
export async function uninstallUnits(): Promise<string> {
  const isRoot = Deno.uid() === 0;
  const directory = unitDirectory(isRoot);
  const systemctl = isRoot ? "systemctl" : "systemctl --user";
  const there = [];
  for (const name of names) if (await mustBeOurs(join(directory, name))) there.push(name);
  if (there.length === 0) return `There are no units of drey in ${directory}`;
  for (const name of there) await Deno.remove(join(directory, name));
  return [
    `Removed ${there.join(" and ")} from ${directory}`,
    "Next, to stop what runs by them:",
    `  ${systemctl} stop ${there.join(" ")}; ${systemctl} daemon-reload`,
  ].join("\n");
}

function unitDirectory(isRoot: boolean): string {
  if (isRoot) return "/etc/systemd/system";
  const config = Deno.env.get("XDG_CONFIG_HOME") || join(Deno.env.get("HOME") ?? "/", ".config");
  return join(config, "systemd", "user");
}

/** Whether a unit is there. @throws {DreyError} `CONFLICT` if it is not drey's */
async function mustBeOurs(path: string): Promise<boolean> {
  try {
    if ((await Deno.readTextFile(path)).startsWith(mark)) return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
  throw new DreyError("CONFLICT", { message: `Cannot change "${path}": drey has not written it` });
}

function unit(sections: Record<string, readonly string[]>): string {
  const texts = Object.entries(sections).map(([name, lines]) => `[${name}]\n${lines.join("\n")}\n`);
  return mark + texts.join("\n");
}

/** `%` begins a specifier; systemd.unit(5). */
const escaped = (text: string) => text.replaceAll("%", "%%");

/** A word of a command line; systemd.service(5), "Command lines". */
function quoted(word: string): string {
  const text = escaped(word).replaceAll("$", "$$$$");
  return /^[\w@%+=:,./$-]+$/.test(text) ? text : `"${text.replace(/["\\]/g, "\\$&")}"`;
}
