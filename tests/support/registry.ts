// Debian's docker-registry on loopback, and small application images pushed to it by skopeo.

import { eventually } from "./eventually.ts";
import { createHash } from "node:crypto";
import { runChecked } from "../../sys/run.ts";
import { freePort } from "./server.ts";
import { makeTinyImage } from "./tiny_image.ts";

export interface TestRegistry extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  address: string;
  /** pushes an image under `name:tag` */
  push(name: string, image: AppImage): Promise<void>;
  /** addresses it was asked for, `GET /v2/… 200` */
  requests(): Promise<string[]>;
}

export interface AppImage {
  /** shell lines that make the tree of each layer over the host's own little system */
  layers: readonly string[];
  config: Record<string, unknown>;
}

/** Starts a registry in a directory of its own. */
export async function startRegistry(directory: string): Promise<TestRegistry> {
  await Deno.mkdir(`${directory}/store`, { recursive: true });
  const port = freePort();
  const config = `version: 0.1
log: {level: error, accesslog: {disabled: false}}
storage: {filesystem: {rootdirectory: ${directory}/store}, maintenance: {uploadpurging: {enabled: false}}}
http: {addr: "127.0.0.1:${port}"}
`;
  await Deno.writeTextFile(`${directory}/config.yml`, config);
  const script = 'exec docker-registry serve "$1" >"$2" 2>&1';
  const child = new Deno.Command("sh", {
    args: ["-c", script, "sh", `${directory}/config.yml`, `${directory}/log`],
  }).spawn();
  const address = `http://127.0.0.1:${port}`;
  await untilAnswered(`${address}/v2/`);
  return {
    address,
    async push(name, image) {
      const layout = `${directory}/layout`;
      await makeLayout(layout, image);
      const to = `docker://127.0.0.1:${port}/${name}`;
      await runChecked([
        ...["skopeo", "copy", "--insecure-policy", "--dest-tls-verify=false", `oci:${layout}:latest`, to],
      ]);
      await Deno.remove(layout, { recursive: true });
    },
    async requests() {
      const lines = (await Deno.readTextFile(`${directory}/log`)).split("\n");
      return lines.flatMap((line) => {
        const [, request, status] = /"((?:GET|HEAD) [^ ]+) HTTP[^"]*" (\d+)/.exec(line) ?? [];
        return request === undefined ? [] : [`${request} ${status}`];
      });
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
    },
  };
}

async function untilAnswered(url: string): Promise<void> {
  await eventually(`somebody answers at ${url}`, () =>
    fetch(url).then(async (response) => {
      await response.body?.cancel();
      return true;
    }, () => false), 50);
}

/** An OCI layout: the first layer is the tree of the image `tiny`, the same bytes each time. */
async function makeLayout(directory: string, { layers, config }: AppImage): Promise<void> {
  const blobs = `${directory}/blobs/sha256`;
  await Deno.mkdir(blobs, { recursive: true });
  const work = `${directory}.work`;
  await Deno.mkdir(work);
  const tiny = await makeTinyImage(`${work}/tiny`);
  await runChecked(["sh", "-ec", `mkdir 0; tar -xf ${tiny} -C 0 --strip-components=1 rootfs; rm -r tiny`], {
    cwd: work,
  });
  const made: Record<string, unknown>[] = [];
  const diffs: string[] = [];
  for (const [index, script] of ["", ...layers].entries()) {
    await Deno.mkdir(`${work}/${index}`, { recursive: true });
    await runChecked(["sh", "-ec", script], { cwd: `${work}/${index}` });
    const pack = "tar -c --sort=name --mtime=@0 --numeric-owner --owner=0 --group=0 -C $1 . >layer.tar";
    await runChecked(["sh", "-ec", pack, "sh", String(index)], { cwd: work });
    diffs.push(`sha256:${hash(await Deno.readFile(`${work}/layer.tar`))}`);
    // both ways that registries have
    const [packer, kind] = index === 1 ? ["zstd -q", "zstd"] : ["gzip -n -1", "gzip"];
    await runChecked(["sh", "-ec", `${packer} <layer.tar >layer.packed`], { cwd: work });
    made.push(await addBlob(await Deno.readFile(`${work}/layer.packed`), `layer.v1.tar+${kind}`));
  }
  await Deno.remove(work, { recursive: true });
  const architecture = { x86_64: "amd64", aarch64: "arm64" }[Deno.build.arch];
  const rootfs = { type: "layers", diff_ids: diffs };
  const described = await addBlob(
    encode({ architecture, os: "linux", created: "2026-01-01T00:00:00Z", config, rootfs }),
    "config.v1+json",
  );
  const type = "application/vnd.oci.image.manifest.v1+json";
  const manifest = await addBlob(
    encode({ schemaVersion: 2, mediaType: type, config: described, layers: made }),
    "manifest.v1+json",
  );
  const entry = { ...manifest, annotations: { "org.opencontainers.image.ref.name": "latest" } };
  await Deno.writeTextFile(
    `${directory}/index.json`,
    JSON.stringify({ schemaVersion: 2, manifests: [entry] }),
  );
  await Deno.writeTextFile(`${directory}/oci-layout`, JSON.stringify({ imageLayoutVersion: "1.0.0" }));

  async function addBlob(content: Uint8Array, kind: string) {
    const digest = hash(content);
    await Deno.writeFile(`${blobs}/${digest}`, content);
    return {
      mediaType: `application/vnd.oci.image.${kind}`,
      digest: `sha256:${digest}`,
      size: content.length,
    };
  }
}

const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const hash = (content: Uint8Array) => createHash("sha256").update(content).digest("hex");
