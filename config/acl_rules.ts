// Rules of access control lists: LXD's grammar, read into what a packet is held against.

import { DreyError } from "../errors.ts";
import type { NetworkAclRule } from "../wire/network_acl.ts";
import { parseAddress, parseSubnet } from "./address.ts";
import { parsePorts } from "./devices/proxy.ts";

export type Direction = "ingress" | "egress";

const actions = ["allow", "reject", "drop"];
const states = ["enabled", "disabled", "logged"];
const protocols = ["tcp", "udp", "icmp4", "icmp6"];

/** The parts of a list with commas. */
export const parts = (text: string | undefined): string[] =>
  (text ?? "").split(",").map((part) => part.trim()).filter((part) => part !== "");

/** Which family a subject is of: an address, a subnet or a range; `name` for a domain; undefined if it is none. */
export function subjectKind(text: string): 4 | 6 | "name" | undefined {
  const ends = text.split("-").map(parseAddress);
  if (ends.length === 2 && ends.every((end) => end !== undefined)) {
    return ends[0]!.family === ends[1]!.family && ends[0]!.value <= ends[1]!.value
      ? ends[0]!.family
      : undefined;
  }
  const found = parseSubnet(text) ?? parseAddress(text);
  if (found !== undefined) return found.family;
  return /^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$/i.test(text) ? "name" : undefined;
}

/** A rule without the white space that means nothing: around its fields and around the parts of lists. */
export function normalAclRule(rule: NetworkAclRule): NetworkAclRule {
  const trimmed = Object.entries(rule).map(([name, text]) => [name, text?.trim()]);
  const normal: NetworkAclRule = Object.fromEntries(trimmed);
  for (const name of ["source", "destination", "source_port", "destination_port"] as const) {
    const text = normal[name];
    if (text !== undefined) normal[name] = text.split(",").map((part) => part.trim()).join(",");
  }
  return normal;
}

/**
 * Refuses a rule that stands twice among normal ones of a direction; a field left out is an empty one.
 *
 * @throws {DreyError} `BAD_REQUEST`
 */
export function refuseSameAclRule(direction: Direction, rules: readonly NetworkAclRule[]): void {
  const seen = new Map<string, number>();
  for (const [index, rule] of rules.entries()) {
    const key = JSON.stringify(Object.entries(rule).filter(([, text]) => (text ?? "") !== "").toSorted());
    const first = seen.get(key);
    if (first !== undefined) {
      throw bad(`Duplicate ${direction} rule: the rules ${first + 1} and ${index + 1} are the same`);
    }
    seen.set(key, index);
  }
}

/**
 * Holds a rule against the grammar.
 *
 * @throws {DreyError} `BAD_REQUEST`, `NOT_SUPPORTED` for subjects that only other kinds of networks have
 */
export function validateAclRule(direction: Direction, rule: NetworkAclRule): void {
  if (!actions.includes(rule.action)) {
    throw bad(`Invalid action "${rule.action}": expected ${actions.join(", ")}`);
  }
  if (!states.includes(rule.state)) throw bad(`Invalid state "${rule.state}": expected ${states.join(", ")}`);
  const protocol = rule.protocol ?? "";
  if (protocol !== "" && !protocols.includes(protocol)) {
    throw bad(`Invalid protocol "${protocol}": expected ${protocols.join(", ")}`);
  }
  for (const name of ["source", "destination"] as const) {
    for (const part of parts(rule[name])) checkSubject(direction, name, part);
  }
  const isPorted = protocol === "tcp" || protocol === "udp";
  for (const name of ["source_port", "destination_port"] as const) {
    const text = rule[name] ?? "";
    if (text === "") continue;
    if (!isPorted) throw bad(`The field "${name}" needs the protocol tcp or udp`);
    if (parsePorts(text) === undefined) throw bad(`Invalid ${name} "${text}"`);
  }
  for (const name of ["icmp_type", "icmp_code"] as const) {
    const text = rule[name] ?? "";
    if (text === "") continue;
    if (!protocol.startsWith("icmp")) throw bad(`The field "${name}" needs the protocol icmp4 or icmp6`);
    if (!/^\d{1,3}$/.test(text) || Number(text) > 255) throw bad(`Invalid ${name} "${text}"`);
  }
}

function checkSubject(direction: Direction, field: "source" | "destination", text: string): void {
  if (/^[@#]/.test(text)) {
    throw new DreyError("NOT_SUPPORTED", { message: `The subject "${text}" is for networks of type ovn` });
  }
  const kind = subjectKind(text);
  if (kind === undefined) {
    throw bad(`Invalid ${field} "${text}": expected an address, a subnet, a range or a domain`);
  }
  if (kind === "name" && !(direction === "egress" && field === "destination")) {
    throw bad(`Invalid ${field} "${text}": a domain can only be the destination of an egress rule`);
  }
}

const bad = (message: string) => new DreyError("BAD_REQUEST", { message });
