// The user's systemd manager, asked for a scope whose cgroups the user may divide: org.freedesktop.systemd1(5).

import { DreyError } from "../errors.ts";
import type { Call, Connection, Message, Value } from "./dbus.ts";

const s = (value: string): Value => ({ type: "s", value });
const u = (value: number): Value => ({ type: "u", value });
const property = (name: string, value: Value): Value => ({
  type: "struct",
  value: [s(name), { type: "v", value }],
});
const pids = (values: number[]): Value => ({ type: "array", of: "u", value: values.map(u) });

/** Where the user's manager listens, whether it runs or not. */
export function managerSocket(uid: number): string {
  return `/run/user/${uid}/systemd/private`;
}

function managerCall(member: string, signature: string, body: Value[]): Call {
  return {
    destination: "org.freedesktop.systemd1",
    path: "/org/freedesktop/systemd1",
    interface: "org.freedesktop.systemd1.Manager",
    member,
    signature,
    body,
  };
}

/**
 * Puts a process into a delegated scope of the user's manager, made anew if it does not exist.
 *
 * @param scope unit name, `drey.scope`
 * @param below cgroup below the scope's own, `/session`, for a scope that exists
 * @throws {DreyError} `CGROUP_MISSING` with what systemd answered
 */
export async function joinScope(
  uid: number,
  { scope, below, pid }: { scope: string; below: string; pid: number },
): Promise<void> {
  // most processes stand where they may stay
  const { connectPeer } = await import("./dbus.ts");
  using manager = await connectPeer(managerSocket(uid), uid);
  const attached = await manager.call(
    managerCall("AttachProcessesToUnit", "ssau", [s(scope), s(below), pids([pid])]),
  );
  if (attached.kind === "return") return;
  const started = await startScope(manager, scope, pid);
  if (started.kind === "return") return;
  throw new DreyError("CGROUP_MISSING", {
    message: `Cannot get a cgroup from systemd: ${started.strings[0] ?? started.errorName}`,
    hint: "Run drey doctor",
  });
}

async function startScope(manager: Connection, scope: string, pid: number): Promise<Message> {
  await manager.call(managerCall("Subscribe", "", []));
  const properties: Value = {
    type: "array",
    of: "(sv)",
    value: [
      property("Description", s("drey instances")),
      property("Delegate", { type: "b", value: true }),
      property("CollectMode", s("inactive-or-failed")),
      property("PIDs", pids([pid])),
    ],
  };
  const none: Value = { type: "array", of: "(sa(sv))", value: [] };
  const answer = await manager.call(
    managerCall("StartTransientUnit", "ssa(sv)a(sa(sv))", [s(scope), s("fail"), properties, none]),
  );
  if (answer.kind === "error") return answer;
  const job = answer.strings[0];
  // the process is in its new cgroup once the job is done
  const removed = await manager.signal("JobRemoved", (message) => message.strings[0] === job);
  const [, , result = "done"] = removed.strings;
  return result === "done" ? answer : { ...removed, kind: "error", strings: [`the job ended as ${result}`] };
}
