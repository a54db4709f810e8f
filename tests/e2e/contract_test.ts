// The contract with LXD's clients: the names and types of all fields of all answers, and what is told of each change.

import { assertEquals } from "@std/testing";
import { overUnixSocket } from "../../client/unix.ts";
import { type Route, routes } from "../../wire/routes.ts";
import type { Event, Lifecycle } from "../../wire/event.ts";
import { e2e } from "../support/drey.ts";
import { eventually } from "../support/eventually.ts";
import { listen } from "../support/listener.ts";
import { serve } from "../support/server.ts";
import { misfits, readContract } from "../support/shapes.ts";

type Answer = { status: number; type: string; metadata: unknown; operation: string; error: string };
type Ask = (methodAndPath: string, body?: unknown) => Promise<Answer>;

/** What is told while all that is made, in order. */
const expected = [
  "certificate-created certificates/FINGERPRINT",
  "network-created networks/n1",
  "network-acl-created network-acls/a1",
  "network-forward-created networks/n1/forwards/127.0.0.9",
  "network-load-balancer-created networks/n1/load-balancers/127.0.0.10",
  "network-zone-created network-zones/lab.example",
  "network-zone-record-created network-zones/lab.example/records/r",
  "image-alias-created images/aliases/also FINGERPRINT",
  "storage-volume-created custom/v1 custom",
  "storage-volume-snapshot-created custom/v1/snapshots/s1 custom",
  "storage-volume-backup-created custom/v1/backups/b1 custom",
  "profile-created profiles/p1",
  "instance-created instances/c1 container default",
  "instance-started instances/c1",
  "instance-snapshot-created instances/c1/snapshots/s1",
  "instance-snapshot-renamed instances/c1/snapshots/s2 c1/s1",
  "instance-backup-created instances/c1/backups/b1",
  "instance-exec instances/c1 true",
  "instance-restarted instances/c1",
  "instance-created instances/c2 container default",
  "instance-snapshot-created instances/c2/snapshots/s2",
  "profile-updated profiles/p1",
  "instance-updated instances/c1",
  "instance-updated instances/c2",
  "instance-snapshot-deleted instances/c2/snapshots/s2",
  "instance-deleted instances/c2",
  "instance-restored instances/c1 c1/s2",
  "instance-started instances/c1",
  "storage-volume-created custom/v2 custom",
  "storage-volume-deleted custom/v2",
  "storage-volume-snapshot-deleted custom/v2/snapshots/s1",
  "storage-pool-created storage-pools/pool2",
];

Deno.test("the table of LXD's answers has each route that answers a GET with JSON", () => {
  const table = Object.values(routes as Record<string, Route>);
  const ours = table.filter(({ method, kind, path }) =>
    method === "GET" && kind === "sync" && !path.startsWith("/internal/")
  );
  assertEquals([...readContract().answers.keys()].toSorted(), ours.map(({ path }) => path).toSorted());
});

await e2e("every answer has LXD's fields, and every change is told as LXD tells it", {
  needs: ["userns", "subids"],
}, async (drey) => {
  await using server = await serve(drey);
  await using transport = overUnixSocket(server.socket);
  const ask: Ask = async (methodAndPath, body) => {
    const [method = "", path = ""] = methodAndPath.split(" ");
    const request = new Request(`http://drey${path}`, {
      method,
      ...body !== undefined && { body: JSON.stringify(body) },
    });
    const response = await transport.fetch(request);
    return { ...await response.json(), status: response.status };
  };
  await using listener = await listen(server.socket, "type=lifecycle");
  await fill(async (methodAndPath, body) => {
    const answer = await ask(methodAndPath, body);
    assertEquals(answer.error ?? "", "", methodAndPath);
    if (answer.type !== "async") return answer;
    const ended = await ask(`GET ${answer.operation}/wait`);
    assertEquals((ended.metadata as { err: string }).err, "", methodAndPath);
    return ended;
  });

  const told = () => listener.heard.map(lineOf);
  await eventually(
    "all that was done is told",
    () => told().some((line) => line.endsWith("storage-pools/pool2")),
  );
  assertEquals(told(), expected);

  const contract = readContract();
  const wrong = new Set<string>();
  for (const [path, types] of contract.answers) {
    const places = await placesOf(ask, path);
    for (const [recursion, type] of types.entries()) {
      for (const place of places) {
        const { status, metadata } = await ask(
          `GET ${place}${recursion === 0 ? "" : `?recursion=${recursion}`}`,
        );
        const found = status === 200 ? misfits(contract, type, metadata, path) : [`${path}: ${status}`];
        for (const misfit of found) wrong.add(misfit);
      }
    }
  }
  assertEquals([...wrong], []);
});

/** What happened to what, and what is said of it besides. */
function lineOf({ metadata }: Event): string {
  const { action, source, context = {} } = metadata as Lifecycle;
  const place = source.replace("/1.0/", "").replace("storage-pools/default/volumes/", "");
  return [action, place, ...Object.values(context)].join(" ").replaceAll(/[0-9a-f]{64}/g, "FINGERPRINT");
}

/** One of each resource. */
async function fill(make: Ask): Promise<void> {
  const [image] = (await make("GET /1.0/images")).metadata as string[];
  const instance = "/1.0/instances/c1";
  const volume = "/1.0/storage-pools/default/volumes/custom";
  const { environment } = (await make("GET /1.0")).metadata as { environment: { certificate: string } };
  const certificate = environment.certificate.replaceAll(/-----.*-----|\s/g, "");
  await make("POST /1.0/certificates", { type: "client", name: "me", certificate });
  await make("POST /1.0/projects", { name: "web" });
  await make("POST /1.0/networks", { name: "n1", config: { "ipv6.address": "none" } });
  await make("POST /1.0/network-acls", { name: "a1", ingress: [{ action: "allow", state: "enabled" }] });
  await make("POST /1.0/networks/n1/forwards", { listen_address: "127.0.0.9" });
  await make("POST /1.0/networks/n1/load-balancers", { listen_address: "127.0.0.10" });
  await make("POST /1.0/network-zones", { name: "lab.example" });
  await make("POST /1.0/network-zones/lab.example/records", {
    name: "r",
    entries: [{ type: "A", value: "192.0.2.1" }],
  });
  await make("POST /1.0/images/aliases", { name: "also", target: image?.split("/").at(-1) });
  await make(`POST ${volume}`, { name: "v1" });
  await make(`POST ${volume}/v1/snapshots`, { name: "s1" });
  await make(`POST ${volume}/v1/backups`, { name: "b1" });
  await make("POST /1.0/profiles", { name: "p1" });
  const root = { root: { type: "disk", path: "/", pool: "default" } };
  const source = { type: "image", alias: "tiny" };
  await make("POST /1.0/instances", { name: "c1", source, profiles: ["p1"], devices: root, start: true });
  await make(`POST ${instance}/snapshots`, { name: "s1" });
  await make(`POST ${instance}/snapshots/s1`, { name: "s2" });
  await make(`POST ${instance}/backups`, { name: "b1" });
  await make(`POST ${instance}/exec`, { command: ["true"], "record-output": true });
  await make(`PUT ${instance}/state`, { action: "restart", force: true });
  await make("POST /1.0/instances", { name: "c2", source: { type: "copy", source: "c1" } });
  await make("PATCH /1.0/profiles/p1", { config: { "user.a": "1" } });
  await make("DELETE /1.0/instances/c2");
  await make(`PUT ${instance}`, { restore: "s2" });
  await make(`POST ${volume}`, { name: "v2", source: { type: "copy", name: "v1", pool: "default" } });
  await make(`DELETE ${volume}/v2`);
  await make("POST /1.0/storage-pools", { name: "pool2", driver: "dir" });
}

/** What may be empty: warnings of this host, and what only virtual machines have. */
const mayLack = ["/1.0/warnings/{uuid}", "/1.0/instances/{name}/uefi-vars", "/1.0/networks/{name}/leases"];

/** The addresses that a path with parameters stands for, by the lists that lead there. */
async function placesOf(ask: Ask, path: string): Promise<string[]> {
  const places = await follow(ask, path);
  assertEquals(places.length > 0 || mayLack.includes(path), true, `nothing at ${path}`);
  return path.endsWith("/uefi-vars") ? [] : places;
}

async function follow(ask: Ask, path: string): Promise<string[]> {
  const [, above, parameter, below = ""] = /^(.*?)\/\{([^}]*)\}(.*)$/.exec(path) ?? [];
  if (above === undefined) return [path];
  const names = parameter === "type" ? ["custom", "image"] : await namesIn(ask, above);
  const found = await Promise.all(names.map((name) => follow(ask, `${above}/${name}${below}`)));
  return found.flat();
}

async function namesIn(ask: Ask, list: string): Promise<string[]> {
  // those of the host are other people's, and may go
  if (list === "/1.0/networks") return ["n1"];
  const { metadata } = await ask(`GET ${list}`);
  // operations come by their status
  const addresses = Array.isArray(metadata) ? metadata : Object.values(metadata ?? {}).flat();
  const own = addresses.map(String).filter((address) => address.startsWith(`${list}/`));
  return own.map((address) => address.slice(list.length + 1)).filter((name) => !name.includes("/"));
}
