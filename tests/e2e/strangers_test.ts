// What those learn who may not come in: over HTTPS without a trusted certificate, from a web page, or as another user of
// this machine.

import { eventually } from "../support/eventually.ts";
import { assert, assertEquals, assertMatch } from "@std/testing";
import { join } from "@std/path";
import { makeCertificate } from "../../auth/tls.ts";
import { openMappedRoot } from "../../idmap/holder.ts";
import { readLayout } from "../../idmap/ranges.ts";
import { run } from "../../sys/run.ts";
import { type Drey, e2e } from "../support/drey.ts";
import { askRaw } from "../support/raw_https.ts";
import { answers, freePort, serve } from "../support/server.ts";
import { absentParts } from "../../wire/routes/absent.ts";
import { type Route, routes } from "../../wire/routes.ts";

const needs = ["userns", "subids"] as const;

async function listen(drey: Drey): Promise<string> {
  const address = `127.0.0.1:${freePort()}`;
  await drey`config set core.https_address=${address}`;
  return address;
}

await e2e(
  "a stranger over HTTPS sees the server's outside and public images, and nothing else",
  { needs },
  async (drey) => {
    await using _server = await serve(drey);
    const address = await listen(drey);
    await drey`project create secret-project`;
    const identity = await makeCertificate({ commonName: "stranger", use: "client" });
    for (const who of [undefined, identity]) {
      const ask = (line: string, options = {}) => askRaw(address, line, { ...options, identity: who });
      const { metadata } = JSON.parse((await ask("GET /1.0")).body);
      assertEquals(Object.keys(metadata).toSorted(), [
        "api_extensions",
        "api_status",
        "api_version",
        "auth",
        "auth_methods",
        "public",
      ]);
      assertEquals(metadata.auth, "untrusted");
      assertEquals(JSON.parse((await ask("GET /1.0/images?recursion=1")).body).metadata, []);
      // it makes no difference whether there is such a project, or such an operation
      for (const project of ["secret-project", "no-such-project"]) {
        assertEquals((await ask(`GET /1.0/images?project=${project}`)).status, 200);
        assertEquals((await ask(`GET /1.0/instances?project=${project}`)).status, 403);
      }
      assertEquals((await ask("GET /1.0/operations/none/wait")).status, 403);
      assertEquals((await ask("GET /1.0", { headers: { "x-lxd-authenticated": "true" } })).status, 403);
      const bodies = ["{}", '{"password":"guess"}', '{"trust_token":"e30="}', '{"token":true,"name":"me"}'];
      for (const body of bodies) {
        const headers = { "content-type": "application/json" };
        const { status } = await ask("POST /1.0/certificates", { body, headers });
        assert(status === 403 || (who === undefined && status === 400), `${body}: ${status}`);
      }
    }
    assertEquals(await drey`config trust list --format csv`, "");
    await drey`project delete secret-project`;
  },
);

await e2e("a stranger gets no route that is not meant for strangers", { needs }, async (drey) => {
  await using _server = await serve(drey);
  const address = await listen(drey);
  const inner = (Object.values(routes) as Route[]).filter(({ access }) => access !== "untrusted");
  const absent = absentParts.flatMap(({ paths }) => Object.entries(paths)).flatMap(([path, methods]) =>
    methods.map((method) => ({ method, path }))
  );
  assert(inner.length > 50);
  for (const { method, path } of [...inner, ...absent]) {
    const line = `${method} ${path.replace(/\{\w+\}/g, "x")}`;
    const { status } = await askRaw(address, line, { body: method === "GET" ? "" : "{}" });
    assertEquals(status, 403, line);
  }
});

await e2e("a certificate without its key opens nothing", { needs: [...needs, "openssl"] }, async (drey) => {
  await using _server = await serve(drey);
  const address = await listen(drey);
  const paths = ["der", "key", "crt", "bad.der", "bad.key"].map((end) =>
    join(drey.directory, `thief.${end}`)
  );
  const [der = "", key = "", certificate = "", badDer = "", badKey = ""] = paths;
  const openssl = async (line: string) => {
    const { code, stderr } = await run(["openssl", ...line.split(" ")]);
    assertEquals(code, 0, stderr);
  };
  await openssl(`ecparam -name secp384r1 -genkey -noout -outform DER -out ${der}`);
  await openssl(`ec -inform DER -in ${der} -out ${key}`);
  await openssl(`req -x509 -new -key ${key} -days 2 -subj /CN=thief -out ${certificate}`);
  // the key of somebody who knows only the public half: the private number is another
  const bytes = await Deno.readFile(der);
  await Deno.writeFile(badDer, bytes.with(20, (bytes[20] ?? 0) ^ 0x5a));
  await openssl(`ec -inform DER -in ${badDer} -out ${badKey}`);
  await drey`config trust add ${certificate}`;
  const connect = (with_: string) =>
    run(["openssl", "s_client", "-quiet", "-connect", address, "-cert", certificate, "-key", with_], {
      stdin: `GET /1.0/instances HTTP/1.1\r\nHost: ${address}\r\nConnection: close\r\n\r\n`,
    });
  assertMatch((await connect(key)).stdout, /"metadata":\[\]/);
  const { stdout, stderr } = await connect(badKey);
  assertEquals(stdout, "");
  // the connection may end before the alert has been read, or be reset with it
  assertMatch(stderr, /alert|unexpected eof|errno=(104|32)\b/);
  assertMatch((await connect(key)).stdout, /"metadata":\[\]/, "the server itself goes on");
});

await e2e("a certificate for metrics opens them and nothing else", { needs }, async (drey) => {
  await using _server = await serve(drey);
  const address = await listen(drey);
  const identity = await makeCertificate({ commonName: "prometheus", use: "client" });
  const file = join(drey.directory, "prometheus.crt");
  await Deno.writeTextFile(file, identity.certificate);
  await drey`config trust add ${file} --type metrics`;
  const ask = async (line: string) => (await askRaw(address, line, { identity })).status;
  assertEquals(await ask("GET /1.0/metrics"), 200);
  assertEquals((await askRaw(address, "GET /1.0/metrics")).status, 403);
  for (const line of ["GET /1.0/instances", "GET /1.0/certificates", "GET /1.0/events", "PUT /1.0"]) {
    assertEquals(await ask(line), 403, line);
  }
  assertEquals(JSON.parse((await askRaw(address, "GET /1.0", { identity })).body).metadata.auth, "untrusted");
});

await e2e(
  "who is confined to projects changes nothing outside, and learns of no tokens",
  { needs },
  async (drey) => {
    await using _server = await serve(drey);
    const address = await listen(drey);
    await drey`project create web -c features.profiles=false -c features.images=false -c features.storage.volumes=false`;
    const identity = await makeCertificate({ commonName: "ci", use: "client" });
    const file = join(drey.directory, "ci.crt");
    await Deno.writeTextFile(file, identity.certificate);
    await drey`config trust add ${file} --restricted --projects web`;
    await drey`config trust add --name other`;
    const headers = { "content-type": "application/json" };
    const ask = async (line: string, body = "") => {
      const answer = await askRaw(address, line, { identity, body, headers });
      return {
        status: answer.status,
        metadata: answer.body === "" ? null : JSON.parse(answer.body).metadata,
      };
    };
    assertEquals((await ask("GET /1.0?project=web")).metadata.config, {});
    assertEquals((await ask("GET /1.0/profiles/default?project=web")).status, 200);
    // the profiles of this project are those of the default one: to be used, not to be changed
    const confined = [
      "PATCH /1.0/profiles/default?project=web",
      "POST /1.0/profiles?project=web",
      "GET /1.0/instances",
      "GET /1.0/instances?all-projects=true",
      "GET /1.0/projects/default",
      "POST /1.0/projects",
      "PATCH /1.0/projects/web",
      "PATCH /1.0",
      "POST /1.0/certificates",
      "GET /1.0/operations",
      "GET /internal/doctor",
    ];
    for (const line of confined) {
      const body = line.startsWith("GET") ? "" : '{"name":"x","config":{},"token":true}';
      assertEquals((await ask(line, body)).status, 403, line);
    }
    assertEquals((await ask("GET /1.0/projects")).metadata, ["/1.0/projects/web"]);
    // nor by what a body names
    await drey`init tiny c1`;
    const copied = '{"name":"c2","source":{"type":"copy","source":"c1","project":"default"}}';
    assertEquals((await ask("POST /1.0/instances?project=web", copied)).status, 403);
    const published = '{"source":{"type":"instance","name":"c1","project":"default"}}';
    assertEquals((await ask("POST /1.0/images?project=web", published)).status, 403);
    // a server that nobody asks makes no difference
    const elsewhere = copied.replace('"project"', '"server":"https://x","project"');
    assertEquals((await ask("POST /1.0/instances?project=web", elsewhere)).status, 403);
    // they use the volumes of the default project, and change none
    await drey`storage volume create default theirs`;
    const volumes = "/1.0/storage-pools/default/volumes";
    const mine = '{"name":"mine","type":"custom","config":{}}';
    assertEquals((await ask(`GET ${volumes}/custom/theirs?project=web`)).status, 200);
    assertEquals((await ask(`POST ${volumes}?project=web`, mine)).status, 403);
    assertEquals((await ask(`PATCH ${volumes}/custom/theirs?project=web`, "{}")).status, 403);
    assertEquals((await ask(`DELETE ${volumes}/custom/theirs?project=web`)).status, 403);
    await drey`storage volume delete default theirs`;
    // nor do they learn who else uses what all use
    assertEquals((await ask("GET /1.0/profiles/default?project=web")).metadata.used_by, []);
    assertEquals((await ask("GET /1.0/storage-pools/default?project=web")).metadata.used_by, []);
    await drey`network create lab ipv4.address=10.99.7.1/24 ipv6.address=none`;
    await drey`config device add c1 eth9 nic network=lab ipv4.address=10.99.7.9`;
    for (const path of ["networks/lab/leases", "network-allocations"]) {
      assertMatch(await drey`query /1.0/${path}`, /10\.99\.7\.9/);
      const near = JSON.stringify(await ask(`GET /1.0/${path}?project=web`));
      assert(!near.includes("10.99.7.9"), near);
    }
    await drey`delete c1`;
    await drey`network delete lab`;
    const { metadata: tokens } = JSON.parse((await drey.run(["query", "--raw", "/1.0/operations"])).stdout);
    const [token = ""] = tokens.running;
    assertEquals((await ask(`GET ${token}`)).status, 404);
    assertEquals((await ask(`GET ${token}/wait`)).status, 404);
    assertEquals((await ask(`DELETE ${token}`)).status, 404);
    const own = (await ask("GET /1.0/certificates?recursion=1")).metadata;
    assertEquals(own.map(({ name }: { name: string }) => name), ["ci"]);
    // they may not widen their own trust
    const wider = JSON.stringify({ ...own[0], restricted: false, projects: [] });
    assertEquals((await ask(`PUT /1.0/certificates/${own[0].fingerprint}`, wider)).status, 403);
    assertEquals((await ask(`DELETE /1.0/certificates/${own[0].fingerprint}`)).status, 403);
    await drey`project delete web`;
  },
);

await e2e("a web page of another server gets neither an answer nor a stream", { needs }, async (drey) => {
  await using _server = await serve(drey);
  const address = await listen(drey);
  const identity = await makeCertificate({ commonName: "owner", use: "client" });
  const file = join(drey.directory, "owner.crt");
  await Deno.writeTextFile(file, identity.certificate);
  await drey`config trust add ${file}`;
  const ask = (line: string, headers: Record<string, string>) => askRaw(address, line, { headers, identity });
  const upgrade = {
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
  };
  const page = { origin: "https://evil.example" };
  assertEquals((await ask("GET /1.0/instances", {})).status, 200);
  assertEquals((await ask("GET /1.0/instances", { origin: `https://${address}` })).status, 200);
  for (const headers of [page, { ...page, host: "evil.example" }, { origin: "null" }]) {
    const answer = await ask("GET /1.0/instances", headers);
    assertEquals(answer.status, 403);
    assert(!/access-control/i.test(answer.head));
    assertEquals((await ask("GET /1.0/events", { ...upgrade, ...headers })).status, 403);
    assertEquals((await ask("OPTIONS /1.0/instances", headers)).status, 403);
  }
  const rebound = { host: "evil.example", "user-agent": "Mozilla/5.0" };
  assertEquals((await ask("GET /1.0/instances", rebound)).status, 403);
});

await e2e(
  "no directory serves that another user could replace things in",
  { needs: ["user", ...needs] },
  async (drey) => {
    const foreign = join(drey.directory, "foreign");
    await Deno.mkdir(foreign);
    const layout = await readLayout({
      uid: Deno.uid() ?? 0,
      gid: Deno.gid() ?? 0,
      name: Deno.env.get("USER") ?? "",
    });
    await using root = await openMappedRoot(layout.parent!);
    assertEquals((await root.run(["chown", "7:7", foreign])).code, 0);
    assertEquals((await root.run(["chmod", "0777", foreign])).code, 0);
    const inside = await drey.run(["list"], { env: { DREY_DIR: foreign } });
    assertMatch(inside.stderr, /belongs to user \d+/);
    await Deno.mkdir(join(drey.directory, "own"));
    await Deno.symlink(foreign, join(drey.directory, "own/run"));
    const below = await drey.run(["list"], { env: { DREY_DIR: join(drey.directory, "own") } });
    assertMatch(below.stderr, /belongs to user \d+/);
    const open = await drey.run(["list"], { env: { DREY_DIR: "/tmp" } });
    assertMatch(open.stderr, /everybody may write to it/);
    assertEquals([inside, below, open].map(({ code }) => code), [1, 1, 1]);
    assertEquals((await root.run(["rm", "-r", foreign])).code, 0);
  },
);

await e2e(
  "another user of this machine cannot connect, unless their group was let in",
  { needs: [...needs, "root"], images: [] },
  async (drey) => {
    const directory = await Deno.makeTempDir({ dir: "/run", prefix: "drey-test-" });
    await Deno.chmod(directory, 0o755);
    const socket = join(directory, "socket");
    const said = async (gid: number) => {
      const script = "use IO::Socket::UNIX; my $s = IO::Socket::UNIX->new($ARGV[0]) or exit 9; " +
        'print $s "GET /1.0 HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n"; print <$s>;';
      const user = ["setpriv", "--reuid", "65534", "--regid", String(gid), "--clear-groups"];
      return await run([...user, "perl", "-e", script, socket]);
    };
    const serving = async (flags: string[], test: () => Promise<void>) => {
      const child = drey.spawn(["serve", "--socket", socket, ...flags], { stdout: "null", stderr: "null" });
      try {
        await eventually("it listens", () => isOpened(socket, flags.length > 0 ? 0o660 : 0o600), 50);
        await test();
      } finally {
        child.kill("SIGTERM");
        await child.status;
      }
    };
    try {
      await serving([], async () => {
        assertEquals((await said(65534)).code, 9);
        // even if the file let them
        await Deno.chmod(socket, 0o777);
        assertEquals((await said(65534)).stdout, "");
      });
      await serving(["--group", "60"], async () => {
        assertEquals((await Deno.stat(socket)).gid, 60);
        assertEquals((await said(65534)).code, 9);
        assertMatch((await said(60)).stdout, /"auth":"trusted"/);
        await Deno.chmod(socket, 0o777);
        assertEquals((await said(65534)).stdout, "");
      });
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);

/** Whether a server answers at a socket that has the mode it shall have, which it gets after its file is there. */
async function isOpened(socket: string, mode: number): Promise<boolean> {
  return await answers(socket) && ((Deno.statSync(socket).mode ?? 0) & 0o777) === mode;
}
