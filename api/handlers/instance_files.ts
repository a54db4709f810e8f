// Files of an instance, with LXD's X-LXD headers for what is not content.

import { dirname, resolve } from "@std/path";
import { type FileOwner, type FileRequest, type FileStat, useFile } from "../../domain/instances/files.ts";
import { DreyError } from "../../errors.ts";
import { type Call, type Handlers, refOf } from "../call.ts";
import { sync } from "../envelope.ts";

type Names = "instance.file.get" | "instance.file.head" | "instance.file.put" | "instance.file.delete";

export const handlers: Handlers<Names> = {
  "instance.file.get": (call) => read(call),
  "instance.file.head": (call) => read(call),
  "instance.file.put": async (call) => {
    const { context, request: { headers, body } } = call;
    const wanted = await requestOf(call.query("path") ?? "", headers, body);
    const content = wanted.do === "file" && body !== null ? { body } : {};
    await (await useFile(context, refOf(call), { request: wanted, ...content })).content.cancel();
  },
  "instance.file.delete": async (call) => {
    const request = { do: "delete", path: call.query("path") ?? "" } as const;
    await (await useFile(call.context, refOf(call), { request })).content.cancel();
  },
};

async function read(call: Call<"instance.file.get"> | Call<"instance.file.head">): Promise<Response> {
  const path = call.query("path") ?? "";
  const isHead = call.request.method === "HEAD";
  const request = { do: isHead ? "head" : "get", path } as const;
  const { stat, content } = await useFile(call.context, refOf(call), { request });
  if (stat === undefined) throw new Error("a read answers with what it read");
  const headers = headersOf(stat);
  if (isHead) {
    await content.cancel();
    return new Response(null, { headers });
  }
  if (stat.type === "directory") {
    return new Response(ReadableStream.from(listing(content)), { headers });
  }
  if (stat.type === "symlink") {
    return new Response(absoluteTarget(path, await new Response(content).text()), { headers });
  }
  // a file of size 0 may be one of /proc, which has more to say
  const size: Record<string, string> = stat.size > 0 ? { "content-length": String(stat.size) } : {};
  return new Response(content, { headers: { ...headers, ...size } });
}

/** The answer with the names in a directory, piece by piece: there may be millions, and an instance chooses them. */
async function* listing(names: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  const [head = "", tail = ""] = JSON.stringify(sync([]).body).split("[]");
  yield encoder.encode(`${head}[`);
  let isFirst = true;
  for await (const some of untilNul(names)) {
    const text = some.map((name) => JSON.stringify(name)).join(",");
    yield encoder.encode(isFirst ? text : `,${text}`);
    isFirst = false;
  }
  yield encoder.encode(`]${tail}\n`);
}

/** letters of a name at most, of which each takes a byte or more; NAME_MAX of limits.h */
const longestName = 255;

/** Names that NUL parts, as many at a time as have come. */
async function* untilNul(content: AsyncIterable<Uint8Array>): AsyncGenerator<string[]> {
  // a letter may come in two pieces, NUL is no part of one
  const decoder = new TextDecoder();
  let last = "";
  for await (const chunk of content) {
    const names = (last + decoder.decode(chunk, { stream: true })).split("\0");
    last = names.pop() ?? "";
    // in a guest, its root may be who answers
    if (last.length > longestName) throw new DreyError("TOO_LARGE", { message: "A name in it has no end" });
    const whole = names.filter((name) => name !== "");
    if (whole.length > 0) yield whole;
  }
  if (last !== "") yield [last];
}

/** LXD answers with the target as seen from the root. */
const absoluteTarget = (path: string, target: string) => resolve("/", dirname(path), target);

function headersOf(stat: FileStat): Record<string, string> {
  const [date, time] = new Date(stat.modified * 1000).toISOString().split(/[T.]/);
  return {
    "content-type": stat.type === "directory" ? "application/json" : "application/octet-stream",
    "x-lxd-uid": String(stat.uid),
    "x-lxd-gid": String(stat.gid),
    "x-lxd-mode": stat.mode.toString(8).padStart(4, "0"),
    "x-lxd-type": stat.type,
    "x-lxd-modified": `${date} ${time} +0000 UTC`,
  };
}

/** `bytes` a symlink's target may have; PATH_MAX of limits.h */
const longestTarget = 4096;

async function requestOf(
  path: string,
  headers: Headers,
  body: ReadableStream<Uint8Array> | null,
): Promise<FileRequest> {
  const text = (name: string) => headers.get(`x-lxd-${name}`) ?? "";
  const type = oneOf("type", text("type") || "file", ["file", "directory", "symlink"]);
  const write = oneOf("write", text("write") || "overwrite", ["overwrite", "append"]);
  const owner: FileOwner = {
    uid: numberOf("uid", text("uid"), 10) ?? 0,
    gid: numberOf("gid", text("gid"), 10) ?? 0,
    mode: numberOf("mode", text("mode"), 8) ?? (type === "directory" ? 0o750 : 0o644),
  };
  const modify = text("modify-perm").split(",").filter((word) => word !== "")
    .map((word) => oneOf("modify-perm", word.trim(), ["uid", "gid", "mode"]));
  if (type === "file") return { do: type, path, write, modify, ...owner };
  if (type === "directory") return { do: type, path, modify, ...owner };
  return { do: type, path, target: await readTarget(body), ...owner };
}

function oneOf<const V extends string>(name: string, text: string, allowed: readonly V[]): V {
  const found = allowed.find((value) => value === text);
  if (found !== undefined) return found;
  throw new DreyError("BAD_REQUEST", {
    message: `Invalid X-LXD-${name} "${text}": expected ${allowed.join(" or ")}`,
  });
}

/** Ids are decimal and modes octal; -1 means none, as LXD's clients send it. */
function numberOf(name: string, text: string, base: 8 | 10): number | undefined {
  if (text === "" || text === "-1") return undefined;
  const digits = base === 8 ? /^[0-7]{1,5}$/ : /^\d{1,10}$/;
  const number = parseInt(text, base);
  if (digits.test(text) && number <= (base === 8 ? 0o7777 : 0xffff_fffe)) return number;
  throw new DreyError("BAD_REQUEST", { message: `Invalid X-LXD-${name} "${text}"` });
}

async function readTarget(body: ReadableStream<Uint8Array> | null): Promise<string> {
  const decoder = new TextDecoder();
  let target = "";
  for await (const chunk of body ?? []) {
    target += decoder.decode(chunk, { stream: true });
    if (target.length > longestTarget) break;
  }
  if (target !== "" && target.length < longestTarget && !target.includes("\0")) return target;
  throw new DreyError("BAD_REQUEST", { message: "Invalid target of the symlink" });
}
