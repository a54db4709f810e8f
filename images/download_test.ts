import { createHash } from "node:crypto";
import { assert, assertEquals, assertRejects } from "@std/testing";
import { DreyError } from "../errors.ts";
import { downloadFile } from "./download.ts";
import { retryAfter } from "./http.ts";

type Answer = (request: Request, content: Uint8Array<ArrayBuffer>) => Response | Promise<Response>;

/** A server that answers each request by the next of some answers, then well. */
async function flaky(answers: Answer[]) {
  const directory = await Deno.makeTempDir();
  const content = crypto.getRandomValues(new Uint8Array(60_000));
  const ranges: (string | null)[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    ranges.push(request.headers.get("range"));
    return (answers.shift() ?? well)(request, content);
  });
  const url = `http://127.0.0.1:${server.addr.port}/file`;
  const sha256 = createHash("sha256").update(content).digest("hex");
  return {
    content,
    ranges,
    path: `${directory}/file`,
    wanted: { urls: [url], size: content.length, sha256 },
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

const well: Answer = (request, content) => {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "")?.[1] ?? 0);
  if (from === 0) return new Response(content);
  return new Response(content.subarray(from), {
    status: 206,
    headers: { "content-range": `bytes ${from}-${content.length - 1}/${content.length}` },
  });
};

/** Sends so many bytes and says that this is all. */
const some = (count: number): Answer => (request, content) => {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "")?.[1] ?? 0);
  const headers = { "content-range": `bytes ${from}-${from + count - 1}/${content.length}` };
  return new Response(content.slice(from, from + count), from === 0 ? {} : { status: 206, headers });
};

/** Sends so many bytes and breaks off. */
const cut = (count: number): Answer => (request, content) => {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "")?.[1] ?? 0);
  let isSent = false;
  const body = new ReadableStream({
    async pull(control) {
      if (isSent) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        return control.error(new Error("cut"));
      }
      control.enqueue(content.slice(from, from + count));
      isSent = true;
    },
  });
  const headers: HeadersInit = { "content-length": String(content.length - from) };
  if (from === 0) return new Response(body, { headers });
  headers["content-range"] = `bytes ${from}-${content.length - 1}/${content.length}`;
  return new Response(body, { status: 206, headers });
};

Deno.test("downloadFile() goes on from the byte it had when the connection broke", async () => {
  await using server = await flaky([cut(20_000), cut(10_000)]);
  const seen: number[] = [];
  await downloadFile(server.wanted, server.path, { onProgress: (bytes) => seen.push(bytes) });
  assertEquals(server.ranges, [null, "bytes=20000-", "bytes=30000-"]);
  assertEquals(await Deno.readFile(server.path), server.content);
  assertEquals(seen.at(-1), 60_000);
});

Deno.test("downloadFile() goes on with what an earlier process has left", async () => {
  await using server = await flaky([]);
  await Deno.writeFile(server.path, server.content.subarray(0, 41_000));
  await downloadFile(server.wanted, server.path);
  assertEquals(server.ranges, ["bytes=41000-"]);
  assertEquals(await Deno.readFile(server.path), server.content);
});

Deno.test("downloadFile() starts over where a server has no ranges", async () => {
  const whole: Answer = (_request, content) => new Response(content);
  await using server = await flaky([cut(20_000), whole]);
  await downloadFile(server.wanted, server.path);
  assertEquals(await Deno.readFile(server.path), server.content);
});

Deno.test("downloadFile() waits as long as a busy server asks", async () => {
  const busy: Answer = () => new Response("", { status: 429, headers: { "retry-after": "1" } });
  const away: Answer = () => new Response("", { status: 503, headers: { "retry-after": "0" } });
  await using server = await flaky([away, busy]);
  const start = Date.now();
  await downloadFile(server.wanted, server.path);
  assert(Date.now() - start >= 1000);
  assertEquals(server.ranges.length, 3);
});

Deno.test("downloadFile() follows redirects", async () => {
  const elsewhere: Answer = (request) => Response.redirect(new URL("/other", request.url), 302);
  await using server = await flaky([elsewhere]);
  await downloadFile(server.wanted, server.path);
  assertEquals(await Deno.readFile(server.path), server.content);
});

Deno.test("downloadFile() asks once more for a file that was spoilt on its way", async () => {
  const spoilt: Answer = (_request, content) => new Response(content.toReversed());
  await using server = await flaky([spoilt]);
  await downloadFile(server.wanted, server.path);
  assertEquals(await Deno.readFile(server.path), server.content);
});

Deno.test("downloadFile() asks for another token where the one it has is good no longer", async () => {
  const said: (string | null)[] = [];
  const tell = (answer: Answer): Answer => (request, content) => {
    said.push(request.headers.get("authorization"));
    return answer(request, content);
  };
  const out: Answer = () => new Response("", { status: 401 });
  await using server = await flaky([some(20_000), out, some(20_000), out, well].map(tell));
  const tokens = ["two", "three"];
  const renew = () => Promise.resolve({ authorization: tokens.shift() ?? "" });
  const { wanted, path, content, ranges } = server;
  await downloadFile(wanted, path, { headers: { authorization: "one" }, renew, pace: 1 });
  assertEquals(await Deno.readFile(path), content);
  assertEquals(said, ["one", "one", "two", "two", "three"]);
  assertEquals(ranges[1], ranges[2]);
  // one that is refused at once is not asked for again and again
  await using closed = await flaky([out, out, out, out]);
  const error = await assertRejects(() => downloadFile(closed.wanted, closed.path, { renew }), DreyError);
  assertEquals([error.code, closed.ranges.length], ["FORBIDDEN", 2]);
});

Deno.test("downloadFile() refuses a file with another hash and leaves nothing of it", async () => {
  const spoilt: Answer = (_request, content) => new Response(content.toReversed());
  await using server = await flaky([spoilt, spoilt]);
  const error = await assertRejects(() => downloadFile(server.wanted, server.path), DreyError, "SHA-256");
  assertEquals(error.code, "IMAGE_INVALID");
  assertEquals((await Deno.stat(server.path)).size, 0);
});

Deno.test("downloadFile() refuses a server that promises or sends too much", async () => {
  const promise: Answer = (_request, content) => new Response(new Uint8Array(content.length + 1));
  const endless: Answer = () =>
    new Response(
      new ReadableStream({ pull: (control) => control.enqueue(new Uint8Array(8192)) }),
    );
  for (const answer of [promise, endless]) {
    await using server = await flaky([answer, answer]);
    const error = await assertRejects(() => downloadFile(server.wanted, server.path), DreyError, "more than");
    assertEquals(error.code, "IMAGE_INVALID");
  }
});

Deno.test("downloadFile() gives up on a server that ends each answer early", async () => {
  const nothing: Answer = () => new Response("");
  await using server = await flaky(Array.from({ length: 20 }, () => nothing));
  const gone = () => downloadFile(server.wanted, server.path, { pace: 5 });
  const error = await assertRejects(gone, DreyError, "breaks off");
  assertEquals(error.code, "NETWORK");
});

Deno.test("downloadFile() takes a connection on which nothing arrives for broken", async () => {
  const silent: Answer = () =>
    new Response(new ReadableStream({ pull: () => new Promise((resolve) => setTimeout(resolve, 400)) }));
  await using server = await flaky([silent]);
  await downloadFile(server.wanted, server.path, { stall: 100 });
  assertEquals(await Deno.readFile(server.path), server.content);
});

Deno.test("downloadFile() stops when it is told to and keeps what it has", async () => {
  await using server = await flaky([cut(20_000)]);
  const stop = new AbortController();
  const done = downloadFile(server.wanted, server.path, {
    signal: stop.signal,
    onProgress: () => stop.abort(new Error("enough")),
  });
  await assertRejects(() => done, Error, "enough");
  const { size } = await Deno.stat(server.path);
  assert(size > 0 && size <= 20_000);
  await downloadFile(server.wanted, server.path);
  assertEquals(server.ranges.at(-1), `bytes=${size}-`);
});

Deno.test("retryAfter() reads seconds and dates", () => {
  assertEquals(retryAfter("7"), 7000);
  assertEquals(retryAfter("Thu, 01 Jan 1970 00:00:10 GMT", 4000), 6000);
  assertEquals(retryAfter("soon"), undefined);
  assertEquals(retryAfter(null), undefined);
});

/** Somebody who looks on: what was passed, and whether that came to nothing. */
function watcher() {
  const chunks: Uint8Array[] = [];
  const seen = { restarts: 0, bytes: () => new Uint8Array(chunks.flatMap((chunk) => [...chunk])) };
  const options = {
    pace: 1,
    pass: (chunk: Uint8Array) => Promise.resolve(chunks.push(chunk)),
    onRestart: () => void seen.restarts++,
  };
  return { seen, options };
}

Deno.test("downloadFile() passes each byte on once and in order, those of an earlier attempt too", async () => {
  await using server = await flaky([cut(10_000), cut(20_000)]);
  await Deno.writeFile(server.path, server.content.subarray(0, 5000));
  const { seen, options } = watcher();
  await downloadFile(server.wanted, server.path, options);
  assertEquals(seen.bytes(), server.content);
  assertEquals(seen.restarts, 0);
});

Deno.test("downloadFile() says when what it passed on was not what the file holds", async () => {
  await using server = await flaky([(_request, content) => new Response(content.toReversed())]);
  const { seen, options } = watcher();
  await downloadFile(server.wanted, server.path, options);
  assertEquals(seen.restarts, 1);
  assertEquals(seen.bytes(), server.content.toReversed());
  assertEquals(await Deno.readFile(server.path), server.content);
});

Deno.test("downloadFile() loses nobody who looks on because one mirror is away", async () => {
  await using server = await flaky([]);
  const { seen, options } = watcher();
  const urls = ["http://127.0.0.1:9/file", ...server.wanted.urls];
  await downloadFile({ ...server.wanted, urls }, server.path, options);
  assertEquals(seen.bytes(), server.content);
  assertEquals(seen.restarts, 0);
});
