// The types a configuration value can have: each parses what was typed and says what it wanted instead.

import { isExpiry } from "./expiry.ts";
import { isSchedule, isTimetable } from "./schedule.ts";
import { parseSize } from "./size.ts";
import { truthOf } from "./truth.ts";

export type Parsed<T> = { value: T } | { problem: string };

export interface ValueType<T> {
  /** LXD's word for it: `bool`, `integer`, `string` */
  name: string;
  /** what is accepted, a noun phrase that follows "expected" */
  wanted: string;
  parse(text: string): Parsed<T>;
}

export type Memory = { kind: "bytes"; bytes: number } | { kind: "percent"; percent: number };
/** so many processors of any, or exactly these */
export type Cpus = { kind: "count"; count: number } | { kind: "set"; cpus: number[] };
/** a share that counts when processors are contended, or a hard limit in microseconds */
export type Allowance = { kind: "share"; percent: number } | {
  kind: "quota";
  quota: number;
  period: number;
};

/** Builds a type from a parser that answers `undefined` for what it does not take. */
function type<T>(name: string, wanted: string, parse: (text: string) => T | undefined): ValueType<T> {
  return {
    name,
    wanted,
    parse(text) {
      const value = parse(text);
      return value === undefined ? { problem: `expected ${wanted}` } : { value };
    },
  };
}

export const string: ValueType<string> = type("string", "text", (text) => text);

/** What kernels call the architectures that images are for. */
export const knownArchitectures: readonly string[] = [
  ...["x86_64", "aarch64", "i686", "armv7l", "armv6l", "armv8l", "ppc64le", "s390x", "riscv64"],
];

export const architecture: ValueType<string> = type(
  "string",
  `one of ${knownArchitectures.join(", ")}`,
  (text) => knownArchitectures.includes(text) ? text : undefined,
);

const listOf = (wanted: string, one: RegExp): ValueType<string> =>
  type("string", wanted, (text) => text.split(",").every((word) => one.test(word.trim())) ? text : undefined);

export const absolutePaths = listOf("absolute paths, separated by commas", /^\//);
export const idRanges = listOf("ids and ranges of them, such as 1000,2000-2999", /^\d+(-\d+)?$/);

/** The address of a proxy. */
export const proxy: ValueType<string> = type(
  "string",
  "the address of a proxy such as http://proxy.example:3128",
  (text) => URL.canParse(text) && /^(https?|socks5h?):\/\/[^/]/.test(text) ? text : undefined,
);

export const uuid: ValueType<string> = type(
  "string",
  "a UUID such as 5c1b29a9-9f35-4f0e-8b1c-4a1a4e6a9f0d",
  (text) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text) ? text : undefined,
);

/** LXD's words for yes and no. */
export const bool: ValueType<boolean> = type("bool", "true or false", truthOf);

/** How long something is kept. */
export const expiry: ValueType<string> = type("string", "a time such as 3d or 4w 12H", (text) => {
  return isExpiry(text) ? text : undefined;
});

/** When something happens again and again. */
export const schedule: ValueType<string> = type(
  "string",
  "five fields of cron such as 0 6 * * *, or @daily",
  (text) => isSchedule(text) ? text : undefined,
);

/** The same for what does not start. */
export const timetable: ValueType<string> = type(
  "string",
  "five fields of cron such as 0 6 * * *, or @daily",
  (text) => isTimetable(text) ? text : undefined,
);

/** An amount of bytes. */
export const size: ValueType<number> = type("string", "a size such as 10GiB", (text) => {
  const bytes = parseSize(text);
  return bytes === 0 ? undefined : bytes;
});

/** Soft and hard limit of setrlimit(2); `Infinity` for none. */
export interface Rlimit {
  soft: number;
  hard: number;
}

/** One number for both, or two with a colon between. */
export const rlimit: ValueType<Rlimit> = type(
  "string",
  'a number, "unlimited", or two of them as soft:hard',
  (text) => {
    const words = text.split(":");
    const [soft = NaN, hard = soft] = words.map((word) =>
      word === "unlimited" ? Infinity : /^\d{1,15}$/.test(word) ? Number(word) : NaN
    );
    return words.length <= 2 && soft <= hard ? { soft, hard } : undefined;
  },
);

/** Whole numbers, from `min` to `max` where these are given. */
export function integer(range: { min?: number; max?: number } = {}): ValueType<number> {
  const { min = -Number.MAX_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = range;
  return type("integer", `a whole number${describeRange(range)}`, (text) => {
    const value = /^-?\d+$/.test(text) ? Number(text) : NaN;
    return value >= min && value <= max ? value : undefined;
  });
}

function describeRange({ min, max }: { min?: number; max?: number }): string {
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}`;
  if (min !== undefined) return `, ${min} or more`;
  return max === undefined ? "" : `, ${max} or less`;
}

/** One of some words. */
export function oneOf<const V extends readonly string[]>(...values: V): ValueType<V[number]> {
  return type("string", `one of ${values.join(", ")}`, (text) => values.find((value) => value === text));
}

/** LXD's spans of time: seconds, minutes and hours in capitals, then days, weeks, months and years. */
export const span: ValueType<string> = type(
  "string",
  "a span of time such as 12H or 15d",
  (text) => /^\d{1,9}[SMHdwmy]( \d{1,9}[SMHdwmy])*$/.test(text) ? text : undefined,
);

/** A positive amount of memory, absolute or as a share of the host's. */
export const memory: ValueType<Memory> = type("string", "a size such as 512MiB, or 50%", (text) => {
  const percent = percentage(text);
  if (percent !== undefined) return { kind: "percent", percent };
  const bytes = parseSize(text);
  return bytes === undefined || bytes === 0 ? undefined : { kind: "bytes", bytes };
});

function percentage(text: string): number | undefined {
  const value = /^\d+%$/.test(text) ? Number(text.slice(0, -1)) : NaN;
  return value >= 1 && value <= 100 ? value : undefined;
}

/** LXD's reading: a lone number counts, and one single processor is pinned as `1-1`. */
export const cpus: ValueType<Cpus> = type(
  "string",
  "a number of processors, or a set such as 0-3,5",
  (text) => {
    if (/^\d+$/.test(text)) return Number(text) > 0 ? { kind: "count", count: Number(text) } : undefined;
    const set = parseCpuSet(text);
    return set === undefined ? undefined : { kind: "set", cpus: set };
  },
);

/** The numbers of `0-3,5`, ascending; the form of cpuset files in /sys as well. */
export function parseCpuSet(text: string): number[] | undefined {
  const found = new Set<number>();
  for (const part of text.split(",")) {
    const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part.trim());
    if (match === null) return undefined;
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    if (last < first) return undefined;
    for (let cpu = first; cpu <= last; cpu++) found.add(cpu);
  }
  return [...found].toSorted((a, b) => a - b);
}

/** `50%` is a share of contended processors, `20ms/100ms` a hard limit per period. */
export const allowance: ValueType<Allowance> = type(
  "string",
  "a share such as 50%, or 20ms/100ms",
  (text) => {
    const percent = percentage(text);
    if (percent !== undefined) return { kind: "share", percent };
    const match = /^(\d{1,9})ms\/(\d{1,9})ms$/.exec(text);
    const [quota, period] = [Number(match?.[1]) * 1000, Number(match?.[2]) * 1000];
    // the kernel takes quotas from 1 ms and periods from 1 ms to 1 s; cgroup-v2.rst, cpu.max
    if (!(quota >= 1000 && period >= 1000 && period <= 1_000_000)) return undefined;
    return { kind: "quota", quota, period };
  },
);

/** A type that takes only one of the values of another, for keys whose other values are not built yet. */
export function only<T>(inner: ValueType<T>, allowed: T, wanted: string): ValueType<T> {
  return type(inner.name, wanted, (text) => {
    const parsed = inner.parse(text);
    return "value" in parsed && parsed.value === allowed ? allowed : undefined;
  });
}
