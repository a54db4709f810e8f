// What things may be called: LXD's rules for the names of instances, profiles, pools and image aliases.

import { DreyError } from "../errors.ts";

/**
 * An instance's name is its host name: RFC 1123 without dots, and no digit first.
 *
 * @throws {DreyError} `BAD_REQUEST`
 */
export function validateInstanceName(name: string): void {
  const problem = instanceNameProblem(name);
  if (problem !== undefined) throw invalid("instance", name, problem);
}

function instanceNameProblem(name: string): string | undefined {
  if (name.length < 1 || name.length > 63) return "Name must be 1 to 63 characters long";
  if (!/^[A-Za-z0-9-]+$/.test(name)) return "Name can only contain letters, digits and hyphens";
  if (!/^[A-Za-z]/.test(name)) return "Name must start with a letter";
  return name.endsWith("-") ? "Name must not end with a hyphen" : undefined;
}

/** @throws {DreyError} `BAD_REQUEST` */
export function validateProfileName(name: string): void {
  const problem = pathWordProblem(name);
  if (problem !== undefined) throw invalid("profile", name, problem);
}

/** @throws {DreyError} `BAD_REQUEST` */
export function validateSnapshotName(name: string): void {
  const problem = pathWordProblem(name);
  if (problem !== undefined) throw invalid("snapshot", name, problem);
}

/** @throws {DreyError} `BAD_REQUEST` */
export function validateVolumeName(name: string): void {
  const problem = pathWordProblem(name);
  if (problem !== undefined) throw invalid("storage volume", name, problem);
}

/** @throws {DreyError} `BAD_REQUEST` */
export function validatePoolName(name: string): void {
  const problem = pathWordProblem(name);
  if (problem !== undefined) throw invalid("storage pool", name, problem);
}

/**
 * A network's name is that of its interface, which the kernel keeps short.
 *
 * @throws {DreyError} `BAD_REQUEST`
 */
export function validateNetworkName(name: string): void {
  const problem = name.length < 2 || name.length > 15
    ? "Name must be 2 to 15 characters long"
    : /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)
    ? undefined
    : "Name can only contain letters, digits, dots, underscores and hyphens, and starts with one of the first two";
  if (problem !== undefined) throw invalid("network", name, problem);
}

/** @throws {DreyError} `BAD_REQUEST` */
export function validateProjectName(name: string): void {
  const problem = name === "*"
    ? "Name is reserved"
    : /[_'"]/.test(name)
    ? "Name must not contain underscores or quotes"
    : pathWordProblem(name);
  if (problem !== undefined) throw invalid("project", name, problem);
}

function pathWordProblem(name: string): string | undefined {
  if (name === "." || name === "..") return "Name must not be a dot or two";
  return wordProblem(name) ?? (name.includes("/") ? "Name must not contain a slash" : undefined);
}

function wordProblem(name: string): string | undefined {
  if (name.length < 1 || name.length > 64) return "Name must be 1 to 64 characters long";
  // deno-lint-ignore no-control-regex -- control characters are what is looked for
  if (/[\s\x00-\x1f\x7f"'?&#<>\\]/.test(name)) {
    return "Name must not contain spaces, quotes or any of ?&#<>\\";
  }
  return name.startsWith("-") ? "Name must not start with a hyphen" : undefined;
}

function invalid(what: string, name: string, problem: string): DreyError {
  return new DreyError("BAD_REQUEST", {
    message: `Invalid ${what} name ${JSON.stringify(name)}: ${problem}`,
  });
}
