import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/testing";
import { startOperation, waitOperation } from "../domain/operations.ts";
import { lxdEndpoints, stateOf } from "../tests/support/docs/api.ts";
import { temporaryContext } from "../tests/support/temporary_context.ts";
import { findRoute, groupOf } from "../wire/find_route.ts";
import { type Route, type RouteName, routes } from "../wire/routes.ts";
import type { Socket } from "../wire/socket.ts";
import { createApp } from "./app.ts";
import { type KeyPair, makeCertificate } from "../auth/tls.ts";
import { addCertificate, listCertificates, patchCertificate } from "../domain/certificates.ts";
import type { Store } from "../store/store.ts";
import { createProject } from "../domain/projects.ts";
import type { Caller } from "./call.ts";
import { type HandlerSources, handlerSources } from "./handlers.ts";
import { etagOf, shownBy } from "./middleware/etag.ts";
import { socketPair } from "./sockets.ts";

const user: Caller = { uid: 1000, protocol: "unix", username: "tester" };
const stranger: Caller = { uid: -1, protocol: "tls", username: "" };
const json = { "content-type": "application/json" };

const isJson = ({ headers }: Response) => headers.get("content-type") === "application/json";

async function openTestApp() {
  const context = await temporaryContext();
  const app = createApp(context);
  const refuse = () => Promise.reject(new Error("no stream here"));
  const ask = async (
    line: string,
    body?: unknown,
    options: { headers?: HeadersInit; caller?: Caller } = {},
  ) => {
    const [method = "GET", path = "/"] = line.split(" ");
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const init = { method, headers: options.headers ?? json, ...(body !== undefined && { body: text }) };
    const env = { caller: options.caller ?? user, accept: refuse };
    const response = await app.fetch(new Request(`http://drey${path}`, init), env);
    const answer = await response.text();
    return {
      response,
      status: response.status,
      body: isJson(response) && answer !== "" ? JSON.parse(answer) : undefined,
    };
  };
  return { context, app, ask, [Symbol.asyncDispose]: () => context[Symbol.asyncDispose]() };
}

Deno.test("every route has a handler that its file really holds", async () => {
  for (const [name, load] of Object.entries(handlerSources)) {
    assert(name in (await load()).handlers, name);
  }
});

Deno.test("a listener's app refuses a route without a handler and the reverse", async () => {
  await using context = await temporaryContext();
  const open = (sources: HandlerSources) =>
    createApp(context, sources).fetch(new Request("http://drey/1.0"), {
      caller: { protocol: "unix", username: "", uid: 0 },
      accept: () => Promise.reject(new Error("no stream")),
    });
  const { "pool.get": _left, ...less } = handlerSources;
  await assertRejects(() => open(less as never), Error, "Routes without a handler: pool.get");
  const more = { ...handlerSources, "no.route": handlerSources["pool.get"] };
  await assertRejects(() => open(more), Error, "Handlers without a route: no.route");
});

Deno.test("a route is found by its name, in a group with all routes of its path", async () => {
  const all = Object.entries(routes as Record<RouteName, Route>);
  for (const [name, route] of all) {
    const { path } = route;
    assert(await findRoute(name as RouteName) === route, name);
    const beside = await groupOf(name as RouteName);
    const same = all.filter(([, route]) => route.path === path).map(([other]) => other);
    assertEquals(same.filter((other) => !(other in beside)), [], name);
  }
});

Deno.test("sync, created, async and error have LXD's envelopes", async () => {
  await using api = await openTestApp();
  const { response, body } = await api.ask("GET /");
  assertEquals(response.headers.get("content-type"), "application/json");
  assertEquals(body, {
    type: "sync",
    status: "Success",
    status_code: 200,
    operation: "",
    error_code: 0,
    error: "",
    metadata: ["/1.0"],
  });
  const created = await api.ask("POST /1.0/profiles", { name: "p1" });
  assertEquals([created.status, created.response.headers.get("location")], [201, "/1.0/profiles/p1"]);
  assertEquals(created.body.metadata, null);
  const changed = await api.ask("PATCH /1.0/profiles/p1", { description: "d" });
  assertEquals([changed.status, changed.body.metadata], [200, {}]);
  const missing = await api.ask("GET /1.0/profiles/p2");
  assertEquals([missing.status, missing.body], [404, {
    type: "error",
    status: "",
    status_code: 0,
    operation: "",
    error_code: 404,
    error: 'Profile "p2" not found',
    metadata: null,
  }]);
});

Deno.test("an error's hint follows its message", async () => {
  await using api = await openTestApp();
  await api.ask("POST /1.0/profiles", { name: "p1" });
  const used = { profiles: ["p1"], config: {}, devices: {} };
  await api.context.store.commit([], [{ key: ["instances", "default", "c1"], value: used }]);
  const { status, body } = await api.ask("DELETE /1.0/profiles/p1");
  assertEquals(status, 400);
  assertEquals(body.error, 'Cannot delete profile "p1": Profile is currently in use. Remove it from: c1');
});

Deno.test("unknown paths are 404, known ones with another verb 501", async () => {
  await using api = await openTestApp();
  for (const path of ["/2.0", "/1.0/nothing", "/1.0/profiles/a/b", "/1.0/profiles/../../x/y"]) {
    const { status, body } = await api.ask(`GET ${path}`);
    assertEquals([status, body.error], [404, "not found"], path);
  }
  for (const line of ["DELETE /1.0", "PATCH /1.0/instances", "POST /1.0/storage-pools/default"]) {
    const { status, body } = await api.ask(line);
    assertEquals([status, body.error], [501, "not implemented"], line);
  }
});

Deno.test("a body that is not what the route declares is a bad request", async () => {
  await using api = await openTestApp();
  const bodies = ["", "{", "[]", "null", "7", '{"name": 7}', '{"config": {}}', '{"name":"a","__proto__":{}}'];
  for (const text of bodies) {
    const { status, body } = await api.ask("POST /1.0/profiles", text);
    assertEquals([status, body.type], [400, "error"], text);
    assertStringIncludes(body.error, "Invalid request body");
  }
  const wrong = await api.ask("POST /1.0/profiles", { name: "a", devices: { root: { path: 1 } } });
  assertMatch(wrong.body.error, /devices\.root\.path: expected a string, got a number/);
  const large = await api.ask("POST /1.0/profiles", { name: "a", description: "x".repeat(2 ** 20) });
  assertEquals([large.status, large.body.type], [413, "error"]);
  for (const body of [{ name: "a\0b" }, { name: "a", config: { "user.a\0": "1" } }]) {
    assertMatch((await api.ask("POST /1.0/profiles", body)).body.error, /it holds a zero byte/);
  }
  const nulls = await api.ask("POST /1.0/profiles", { name: "a", description: null, config: null });
  assertEquals(nulls.status, 201);
});

Deno.test("an update with an old ETag is refused and changes nothing", async () => {
  await using api = await openTestApp();
  await api.ask("POST /1.0/profiles", { name: "p1", config: { "user.b": "2", "user.a": "1" } });
  const etag = (await api.ask("GET /1.0/profiles/p1")).response.headers.get("etag") ?? "";
  assertMatch(etag, /^"[0-9a-f]{64}"$/);
  const put = (description: string, match: string) =>
    api.ask("PUT /1.0/profiles/p1", { description }, { headers: { ...json, "if-match": match } });
  assertEquals((await put("first", etag)).status, 200);
  const late = await put("second", etag);
  assertEquals([late.status, late.body.error_code], [412, 412]);
  assertEquals((await api.ask("GET /1.0/profiles/p1")).body.metadata.description, "first");
  assertEquals((await put("any", "*")).status, 200);
  const fresh = (await api.ask("GET /1.0/profiles/p1")).response.headers.get("etag") ?? "";
  const both = await Promise.all([put("a", fresh), put("b", `"${fresh}"`)]);
  assertEquals(both.map(({ status }) => status).sort(), [200, 412]);
});

Deno.test("an instance that calls itself ready changes no ETag, or nobody else could change anything", async () => {
  const etag = (config: Record<string, string>) => etagOf("instance.get", { config, devices: {} });
  const started = await etag({ "user.a": "1", "volatile.last_state.ready": "false" });
  assertEquals(await etag({ "user.a": "1", "volatile.last_state.ready": "true" }), started);
  assert(started !== await etag({ "user.a": "2" }));
});

Deno.test("lists answer with addresses, things, or those a filter lets through", async () => {
  await using api = await openTestApp();
  await api.ask("POST /1.0/profiles", { name: "web", config: { "limits.cpu": "2" } });
  const list = async (query: string) => (await api.ask(`GET /1.0/profiles${query}`)).body.metadata;
  assertEquals(await list(""), ["/1.0/profiles/default", "/1.0/profiles/web"]);
  assertEquals((await list("?recursion=1")).map(({ name }: { name: string }) => name), ["default", "web"]);
  assertEquals(await list("?filter=config.limits.cpu%20eq%202"), ["/1.0/profiles/web"]);
  assertEquals(await list("?recursion=x"), ["/1.0/profiles/default", "/1.0/profiles/web"]);
  assertEquals((await api.ask("GET /1.0/profiles?filter=name")).status, 400);
});

Deno.test("a project that does not exist is not found", async () => {
  await using api = await openTestApp();
  const { status, body } = await api.ask("GET /1.0/profiles?project=other");
  assertEquals([status, body.error], [404, 'Project "other" not found']);
});

Deno.test("an escaped slash stays inside its parameter", async () => {
  await using api = await openTestApp();
  const { status, body } = await api.ask("GET /1.0/images/aliases/debian%2F12");
  assertEquals([status, body.error], [404, 'Image alias "debian/12" not found']);
});

Deno.test("strangers see the server's outside and nothing else", async () => {
  await using api = await openTestApp();
  const seen = (await api.ask("GET /1.0", undefined, { caller: stranger })).body.metadata;
  assertEquals([seen.auth, "environment" in seen], ["untrusted", false]);
  assertEquals((await api.ask("GET /1.0")).body.metadata.auth, "trusted");
  for (const [name, { method, path, access }] of Object.entries(routes)) {
    if (access === "untrusted") continue;
    const { status } = await api.ask(`${method} ${path.replace(/\{\w+\}/g, "x")}`, undefined, {
      caller: stranger,
    });
    assertEquals(status, 403, name);
  }
});

Deno.test("the API leaves out the extensions whose operations clients misread", async () => {
  await using api = await openTestApp();
  const { api_extensions } = (await api.ask("GET /1.0")).body.metadata;
  assert(api_extensions.includes("instances"));
  for (const kind of ["storage_and_network", "storage_and_profile"]) {
    assert(!api_extensions.includes(`${kind}_operations`));
  }
  assert(!api_extensions.includes("project_delete_operation"));
});

Deno.test("what drey does not have is said to be missing, and not unheard of", async () => {
  await using api = await openTestApp();
  const seen = async (line: string, body?: unknown) => {
    const { status, body: { metadata, error } } = await api.ask(line, body);
    return [status, error === "" ? metadata : error];
  };
  assertEquals(await seen("GET /1.0/cluster"), [200, { server_name: "", enabled: false, member_config: [] }]);
  assertEquals(await seen("GET /1.0/cluster/members"), [400, "This server is not clustered"]);
  assertEquals(await seen("GET /1.0/placement-groups"), [200, []]);
  assertEquals(await seen("GET /1.0/storage-pools/default/buckets"), [200, []]);
  assertEquals(await seen("GET /1.0/storage-pools/none/buckets"), [404, 'Storage pool "none" not found']);
  assertEquals(await seen("GET /1.0/placement-groups/p"), [
    404,
    "Placement groups: there is none of this name",
  ]);
  assertEquals(await seen("POST /1.0/placement-groups", {}), [501, "Placement groups are not supported yet"]);
  assertEquals(await seen("PUT /1.0/placement-groups", {}), [501, "not implemented"]);
  assertEquals(await seen("GET /1.0/nothing"), [404, "not found"]);
  assertEquals((await api.ask("GET /1.0/cluster/members", undefined, { caller: stranger })).status, 403);
});

Deno.test("each address of LXD's API is served, or refused for what it is", () => {
  const unheardOf = lxdEndpoints().filter((endpoint) => stateOf(endpoint).kind === "unknown");
  assertEquals(unheardOf, []);
});

Deno.test("the OpenAPI document tells every route, with each of its parameters", async () => {
  await using api = await openTestApp();
  const { body } = await api.ask("GET /openapi.json");
  type Described = { operationId: string; parameters: { name: string; in: string }[] };
  const operations: Described[] = [];
  for (const { method, path, query } of Object.values(routes)) {
    const operation: Described = body.paths[path][method.toLowerCase()];
    const names = (place: string) =>
      operation.parameters.filter((parameter) => parameter.in === place).map(({ name }) => name);
    assertEquals(names("path"), [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
    assertEquals(names("query"), [...query]);
    operations.push(operation);
  }
  assertEquals(new Set(operations.map(({ operationId }) => operationId)).size, operations.length);
  const { properties, required } =
    body.paths["/1.0/projects"].post.requestBody.content["application/json"].schema;
  assertEquals([Object.keys(properties), required], [
    ["name", "config", "description", "storage", "network"],
    ["name"],
  ]);
});

Deno.test("the server is looked at for a project that is yet to be made, as pylxd does", async () => {
  await using api = await openTestApp();
  const { body } = await api.ask("GET /1.0?project=new");
  assertEquals(body.metadata.environment.project, "new");
  assertEquals(body.metadata.environment.server_version, "5.0.2"); // Terraform wants 5.0 at least
  assertEquals((await api.ask("GET /1.0/instances?project=new")).body.error_code, 404);
});

Deno.test("configuration keys are described as LXD describes its own", async () => {
  await using api = await openTestApp();
  const { configs } = (await api.ask("GET /1.0/metadata/configuration")).body.metadata;
  const names = (entity: string) =>
    configs[entity].drey.keys.flatMap((key: unknown) => Object.keys(key as object));
  assert(names("instance").includes("limits.memory"));
  assert(names("project").includes("features.images"));
  assert(!names("instance").includes("volatile.*"));
  // where Terraform looks for what it may set
  const of = (kind: string, group: string) =>
    configs[kind][group].keys.flatMap((key: unknown) => Object.keys(key as object));
  assert(of("storage-dir", "pool-conf").includes("source"));
  assert(!of("storage-dir", "pool-conf").includes("lvm.vg_name"));
  assert(of("storage-lvm", "volume-conf").includes("size"));
  assert(of("network-bridge", "network-conf").includes("ipv4.nat"));
  assert(!of("network-macvlan", "network-conf").includes("ipv4.nat"));
});

Deno.test("every list knows addresses and things, and ignores what it does not know", async () => {
  await using api = await openTestApp();
  const lists = Object.entries(routes as Record<string, Route>).filter((
    [name, { method, path, kind, query }],
  ) =>
    method === "GET" && kind === "sync" && query.includes("recursion") && !path.includes("{") &&
    name !== "operations.list"
  );
  assert(lists.length > 4);
  for (const [name, { path, query }] of lists) {
    const list = async (text: string) => (await api.ask(`GET ${path}${text}`)).body.metadata;
    const addresses: unknown[] = await list("");
    assert(addresses.every((one) => typeof one === "string" && one.startsWith("/1.0/")), name);
    const things: unknown[] = await list("?recursion=1&unknown=1");
    assertEquals(things.map((thing) => typeof thing), addresses.map(() => "object"), name);
    if (!query.includes("filter")) continue;
    assertEquals((await api.ask(`GET ${path}?filter=nonsense`)).status, 400, name);
    assertEquals(await list("?filter=name%20eq%20what-nobody-is-called"), [], name);
  }
});

Deno.test("a request for a member of a cluster finds none", async () => {
  await using api = await openTestApp();
  for (const [name, { method, path, query }] of Object.entries(routes as Record<string, Route>)) {
    if (!query.includes("target")) continue;
    const line = `${method} ${path.replace(/\{\w+\}/g, "x")}?target=other`;
    const { status } = await api.ask(line, method === "GET" ? undefined : {});
    assertEquals(status, name === "instances.create" ? 400 : 404, line);
  }
});

Deno.test("what can be changed has an ETag, and a change with another is refused", async () => {
  await using api = await openTestApp();
  const put = { "if-match": '"another"', "content-type": "application/json" };
  for (const path of ["/1.0/profiles/default", "/1.0/projects/default"]) {
    const { response } = await api.ask(`GET ${path}`);
    assertMatch(response.headers.get("etag") ?? "", /^"[0-9a-f]{64}"$/);
    assertEquals((await api.ask(`PATCH ${path}`, {}, { headers: put })).status, 412, path);
    assertEquals((await api.ask(`PATCH ${path}`, {}, { headers: { ...put, "if-match": "*" } })).status, 200);
  }
  // each route that replaces or patches a single thing insists on what is shown of it
  for (const [name, { method, path }] of Object.entries(routes as Record<string, Route>)) {
    const changes = ["PUT", "PATCH"].includes(method) && /\{\w+\}$/.test(path);
    if (changes) assert(await shownBy(name as RouteName) !== undefined, name);
  }
});

Deno.test("older paths list one type of instances under the name they were asked by", async () => {
  await using api = await openTestApp();
  for (const path of ["/1.0/containers", "/1.0/virtual-machines"]) {
    const { status, body } = await api.ask(`GET ${path}`);
    assertEquals([status, body.metadata], [200, []], path);
  }
  assertEquals((await api.ask("GET /1.0/containersx")).status, 404);
});

Deno.test("operations are listed by status and waited for with a time limit", async () => {
  await using api = await openTestApp();
  const { promise, resolve } = Promise.withResolvers<void>();
  const { id } = await startOperation(api.context, {
    project: "default",
    description: "x",
    run: () => promise,
  });
  const address = `/1.0/operations/${id}`;
  assertEquals((await api.ask("GET /1.0/operations")).body.metadata, { running: [address] });
  assertEquals((await api.ask(`GET ${address}/wait?timeout=0`)).body.metadata.status, "Running");
  assertEquals((await api.ask(`GET ${address}/wait?timeout=x`)).status, 400);
  resolve();
  assertEquals((await api.ask(`GET ${address}/wait`)).body.metadata.status, "Success");
  assertEquals((await api.ask("GET /1.0/operations/none")).status, 404);
});

Deno.test("a listener hears what happens from the moment its stream is open", async () => {
  await using api = await openTestApp();
  const [ours, theirs] = socketPair();
  const accept = () => Promise.resolve<Socket>(theirs);
  const listen = (query: string) =>
    api.app.fetch(new Request(`http://drey/1.0/events${query}`), { caller: user, accept });
  assertEquals((await listen("?type=nonsense")).status, 400);
  await listen("?type=lifecycle");
  await api.ask("POST /1.0/profiles", { name: "p1" });
  const first = await ours.messages[Symbol.asyncIterator]().next();
  const event = JSON.parse(String(first.value));
  assertEquals([event.type, event.project], ["lifecycle", "default"]);
  const requestor = { username: user.username, protocol: user.protocol, address: "@" };
  assertEquals(event.metadata, { action: "profile-created", source: "/1.0/profiles/p1", requestor });
  ours.close();
});

Deno.test("a stream's address without a stream says what it is", async () => {
  await using api = await openTestApp();
  const { promise, resolve } = Promise.withResolvers<void>();
  const { id } = await startOperation(api.context, {
    project: "default",
    description: "x",
    run: () => promise,
  });
  const { status } = await api.ask(`GET /1.0/operations/${id}/websocket?secret=x`);
  assertEquals(status, 400);
  resolve();
  await waitOperation(api.context, id);
});

Deno.test("no route answers nonsense with anything but an envelope, or blames itself", async () => {
  await using api = await openTestApp();
  const words = [
    "..%2F..%2Fetc%2Fpasswd",
    "%00",
    "%ff",
    "a%20b",
    "__proto__",
    "constructor",
    "x".repeat(300),
    "%2e%2e",
  ];
  const bodies = [undefined, "", "{", "null", "[]", '"x"', "{}", '{"name":{"a":1}}', '{"config":[1]}'];
  for (const [name, { method, path }] of Object.entries(routes)) {
    // these look at the host, or install packages on it
    if (name.startsWith("doctor")) continue;
    for (const word of words) {
      for (const text of ["GET", "HEAD"].includes(method) ? [undefined] : bodies) {
        const line = `${method} ${path.replace(/\{\w+\}/g, word)}?recursion=-1&timeout=0`;
        if (name === "events.listen") continue;
        const { status, body } = await api.ask(line, text);
        assert(status < 500 || status === 501, `${line} ${text}: ${status} ${body?.error}`);
        // an answer to HEAD has no body
        if (status >= 400 && method !== "HEAD") assertEquals(body.error_code, status, line);
      }
    }
  }
});

Deno.test("whoever asks when the store is gone is answered", async () => {
  const { context, app } = await openTestApp();
  await context[Symbol.asyncDispose]();
  const caller: Caller = { ...stranger, certificate: { der: new Uint8Array(), fingerprint: "ab" } };
  const accept = () => Promise.reject(new Error("no stream here"));
  const response = await app.fetch(new Request("http://drey/1.0"), { caller, accept });
  assertEquals(response.status, 500);
});

Deno.test("a client that renews its certificate keeps no project that is taken from it meanwhile", async () => {
  await using context = await temporaryContext();
  for (const name of ["one", "two"]) await createProject(context, { name, config: {} });
  const [{ certificate }, renewed] = await Promise.all(
    ["old", "new"].map((commonName) => makeCertificate({ commonName, use: "client" })),
  ) as [KeyPair, KeyPair];
  const terms = { name: "ci", type: "client", restricted: true, projects: ["one", "two"] } as const;
  const fingerprint = await addCertificate(context, { ...terms, projects: ["one", "two"], certificate });
  let looks = 0;
  const store: Store = {
    get: (key) => context.store.get(key),
    commit: (checks, writes) => context.store.commit(checks, writes),
    watch: (prefix, signal) => context.store.watch(prefix, signal),
    settle: () => context.store.settle(),
    lock: (key, options) => context.store.lock(key, options),
    [Symbol.asyncDispose]: () => Promise.resolve(),
    async list(prefix, piece) {
      const found = await context.store.list(prefix, piece);
      // the first look is whether the client is known
      if (prefix[0] !== "certificates" || ++looks !== 2) return found as never;
      await patchCertificate(context, fingerprint, () => ({ projects: ["one"] }));
      return found as never;
    },
  };
  const der = Uint8Array.fromBase64(certificate.replaceAll(/-----.*?-----|\s/g, ""));
  const client = { ...stranger, certificate: { der, fingerprint } };
  const request = new Request(`http://drey/1.0/certificates/${fingerprint}`, {
    method: "PATCH",
    body: JSON.stringify({ certificate: renewed.certificate }),
  });
  const env = { caller: client, accept: () => Promise.reject(new Error("no stream here")) };
  const { status } = await createApp({ ...context, store }).fetch(request, env);
  const [{ projects } = { projects: [] }] = await listCertificates(context);
  assertEquals([status, projects], [409, ["one"]]);
});
