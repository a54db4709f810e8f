// A simplestreams server on loopback with images made for the test, and a bad temper to order.

import { createHash } from "node:crypto";
import { runChecked } from "../../sys/run.ts";
import { imageFiles } from "./drey.ts";

export interface ServedImage {
  /** as `debian/12` */
  name: string;
  fingerprint: string;
  rootfs: string;
}

/** How requests for a file go wrong; each entry is used up by one request, then all is well. */
export type Mishap =
  | { cutAfter: number }
  | { status: number; retryAfter?: string }
  | { redirect: true }
  | { spoilt: true }
  | { promise: number }
  | { noRanges: true; cutAfter: number };

export interface ImageServer extends AsyncDisposable {
  address: string;
  images: ServedImage[];
  /** lines `GET /path 200 bytes=…` */
  requests: string[];
  /** bytes of files sent */
  sent: number;
  /** what happens to the next requests for paths that end so */
  mishaps: Map<string, Mishap[]>;
  /** publishes another version of every product */
  publish(serial: string, options?: { deltaOf?: string }): Promise<void>;
}

export interface ImageServerOptions {
  /** products to offer besides `tiny/1` */
  kinds?: readonly ("squashfs" | "root.tar.xz")[];
  tls?: { cert: string; key: string };
  /** bytes of noise in the root file system */
  padding?: number;
}

/** Starts a server in a directory of its own. */
export async function serveImages(directory: string, options: ImageServerOptions = {}): Promise<ImageServer> {
  await Deno.mkdir(`${directory}/streams/v1`, { recursive: true });
  const state = { requests: [] as string[], sent: 0, mishaps: new Map<string, Mishap[]>() };
  const handler = (request: Request) => answer(directory, request, state);
  const listen = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
  const server = options.tls === undefined
    ? Deno.serve(listen, handler)
    : Deno.serve({ ...listen, ...options.tls }, handler);
  const scheme = options.tls === undefined ? "http" : "https";
  const served: ImageServer = Object.assign(state, {
    address: `${scheme}://127.0.0.1:${server.addr.port}`,
    images: [] as ServedImage[],
    async publish(serial: string, { deltaOf }: { deltaOf?: string } = {}) {
      served.images.push(await addVersion(directory, serial, { ...options, ...deltaOf && { deltaOf } }));
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  });
  await served.publish("20260101_05:24");
  return served;
}

async function addVersion(
  directory: string,
  serial: string,
  { kinds = ["squashfs", "root.tar.xz"], padding = 0, deltaOf }: ImageServerOptions & {
    /** another version, from whose squashfs there is to be a delta */
    deltaOf?: string;
  },
): Promise<ServedImage> {
  const work = `${directory}/images/tiny/${serial}`;
  await Deno.mkdir(work, { recursive: true });
  const [tiny] = await imageFiles("tiny");
  // packed in no time rather than well
  const pack = `mkdir x; tar -xf ${tiny} -C x
    [ ${padding} = 0 ] || head -c ${padding} /dev/urandom >x/rootfs/usr/noise
    echo "serial: ${serial}" >>x/metadata.yaml; echo ${serial} >x/rootfs/etc/serial
    tar -cJf lxd.tar.xz -C x metadata.yaml
    [ -z "$1" ] || tar -c --owner=0 --group=0 -C x/rootfs . | xz -0 >rootfs.tar.xz
    [ -z "$2" ] || mksquashfs x/rootfs rootfs.squashfs -all-root -quiet -no-progress -Xcompression-level 1 >/dev/null
    rm -r x`;
  const wish = (kind: typeof kinds[number]) => kinds.includes(kind) ? "yes" : "";
  await runChecked(["sh", "-ec", pack, "sh", wish("root.tar.xz"), wish("squashfs")], { cwd: work });
  const items: Record<string, Record<string, unknown>> = {};
  const add = async (name: string, ftype: string) => {
    const content = await Deno.readFile(`${work}/${name}`);
    const path = `images/tiny/${serial}/${name}`;
    items[ftype] = { ftype, path, size: content.length, sha256: hash(content) };
    return content;
  };
  const metadata = await add("lxd.tar.xz", "lxd.tar.xz");
  const meta = items["lxd.tar.xz"]!;
  let chosen = { fingerprint: "", rootfs: "" };
  for (const kind of kinds) {
    const name = kind === "squashfs" ? "rootfs.squashfs" : "rootfs.tar.xz";
    const fingerprint = hash(metadata, await add(name, kind));
    meta[kind === "squashfs" ? "combined_squashfs_sha256" : "combined_rootxz_sha256"] = fingerprint;
    if (chosen.fingerprint === "" || kind === "squashfs") chosen = { fingerprint, rootfs: name };
  }
  if (deltaOf !== undefined) {
    const argv = ["xdelta3", "-e", "-s", `../${deltaOf}/rootfs.squashfs`, "rootfs.squashfs", "delta.vcdiff"];
    await runChecked(argv, { cwd: work });
    await add("delta.vcdiff", "squashfs.vcdiff");
    Object.assign(items["squashfs.vcdiff"]!, { delta_base: deltaOf });
  }
  await writeLists(directory, serial, items);
  return { name: "tiny/1", ...chosen };
}

async function writeLists(directory: string, serial: string, items: Record<string, unknown>): Promise<void> {
  const path = `${directory}/streams/v1/images.json`;
  const old = await Deno.readTextFile(path).then(JSON.parse, () => undefined);
  const debian = { x86_64: "amd64", aarch64: "arm64" }[Deno.build.arch];
  const name = `tiny:1:${debian}:default`;
  const versions = { ...old?.products[name].versions, [serial]: { items } };
  const product = {
    aliases: "tiny/1/default,tiny/1,tiny/one",
    arch: debian,
    os: "Tiny",
    release: "one",
    release_title: "One",
    variant: "default",
    lxd_requirements: { secureboot: "false" },
    versions,
  };
  const products = { [name]: product };
  const list = { content_id: "images", datatype: "image-downloads", format: "products:1.0", products };
  await Deno.writeTextFile(path, JSON.stringify(list));
  const entry = { datatype: "image-downloads", path: "streams/v1/images.json", format: "products:1.0" };
  const index = { format: "index:1.0", index: { images: { ...entry, products: [name] } } };
  await Deno.writeTextFile(`${directory}/streams/v1/index.json`, JSON.stringify(index));
}

function hash(...contents: Uint8Array[]): string {
  const sum = createHash("sha256");
  for (const content of contents) sum.update(content);
  return sum.digest("hex");
}

type State = Pick<ImageServer, "requests" | "sent" | "mishaps">;

async function answer(directory: string, request: Request, state: State): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const range = request.headers.get("range");
  const note = (status: number) =>
    state.requests.push([request.method, pathname, status, ...range ? [range] : []].join(" "));
  const mishap = [...state.mishaps].find(([ending]) => pathname.endsWith(ending))?.[1].shift();
  const path = `${directory}${decodeURIComponent(pathname)}`;
  const content = await Deno.readFile(path).catch(() => undefined);
  if (content === undefined) {
    note(404);
    return new Response("not here", { status: 404 });
  }
  if (mishap !== undefined && "status" in mishap) {
    note(mishap.status);
    const headers: HeadersInit = mishap.retryAfter ? { "retry-after": mishap.retryAfter } : {};
    return new Response("later", { status: mishap.status, headers });
  }
  if (mishap !== undefined && "redirect" in mishap && search === "") {
    note(302);
    return new Response(null, { status: 302, headers: { location: `${pathname}?again` } });
  }
  const etag = `"${hash(content).slice(0, 16)}"`;
  if (request.headers.get("if-none-match") === etag) {
    note(304);
    return new Response(null, { status: 304 });
  }
  const rangeless = mishap !== undefined && "noRanges" in mishap;
  const from = rangeless ? 0 : Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
  const status = from > 0 ? 206 : 200;
  note(status);
  const whole = mishap !== undefined && "spoilt" in mishap ? content.toReversed() : content;
  const body = whole.subarray(from);
  const promised = mishap !== undefined && "promise" in mishap ? mishap.promise : body.length;
  const headers: Record<string, string> = { etag, "content-length": String(promised) };
  if (from > 0) headers["content-range"] = `bytes ${from}-${whole.length - 1}/${whole.length}`;
  const cut = mishap !== undefined && "cutAfter" in mishap ? mishap.cutAfter : Infinity;
  return new Response(pieces(body, Math.min(cut, promised), state), { status, headers });
}

/** The body in pieces; a cut breaks the connection after so many bytes. */
function pieces(body: Uint8Array<ArrayBuffer>, cut: number, state: State): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(control) {
      if (at >= cut && cut < body.length) return control.error(new Error("cut"));
      if (at >= body.length) return control.close();
      const piece = body.subarray(at, Math.min(at + 65536, cut));
      at += piece.length;
      state.sent += piece.length;
      control.enqueue(piece);
    },
  });
}

/** A certificate for 127.0.0.1 and the authority that signed it, as files. */
export async function makeCertificate(directory: string): Promise<{ ca: string; cert: string; key: string }> {
  await Deno.mkdir(directory, { recursive: true });
  const script = `
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=test-ca
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out csr.pem -subj /CN=127.0.0.1
    printf 'subjectAltName=IP:127.0.0.1,DNS:localhost\\nbasicConstraints=CA:FALSE\\n' >ext
    openssl x509 -req -in csr.pem -CA ca.pem -CAkey ca.key -CAcreateserial -out cert.pem -days 2 -extfile ext`;
  await runChecked(["sh", "-ec", script], { cwd: directory });
  return { ca: `${directory}/ca.pem`, cert: `${directory}/cert.pem`, key: `${directory}/key.pem` };
}
