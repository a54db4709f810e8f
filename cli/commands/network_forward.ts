// drey network forward and drey network load-balancer: addresses of the host that lead to instances.

import { DreyError } from "../../errors.ts";
import {
  type BalancerPort,
  type ForwardPort,
  type NetworkForward,
  type NetworkForwardPut,
  networkForwardPut,
  type NetworkLoadBalancer,
  type NetworkLoadBalancerPut,
  networkLoadBalancerPut,
} from "../../wire/network_forward.ts";
import { toTable } from "../columns.ts";
import { type Format, formatList, toYaml } from "../output.ts";
import { resolveName } from "../resolve.ts";
import { change, type Owner, ownerOf, readPairs, settingsCommands } from "../settings.ts";
import type { Shell } from "../shell.ts";

type Kind = "forward" | "balancer";
type Thing = NetworkForward & Partial<NetworkLoadBalancer>;
type Put = NetworkForwardPut & NetworkLoadBalancerPut;

const titles = { forward: "Network forward", balancer: "Network load balancer" };

const settings = (kind: Kind) => settingsCommands((shell) => open(shell, kind), 2);

export const get = (kind: Kind) => settings(kind).get;
export const set = (kind: Kind) => settings(kind).set;
export const unset = (kind: Kind) => settings(kind).unset;
export const edit = (kind: Kind) => settings(kind).edit;

export const list = (kind: Kind) => async (shell: Shell): Promise<void> => {
  const { client, network } = await read(shell);
  const options = { params: { network }, query: { recursion: 1 } };
  const found = await client.call(`network.${kind}s.list`, options) as Thing[];
  const table = toTable(found, [
    { header: "LISTEN ADDRESS", cell: ({ listen_address }) => listen_address },
    { header: "DESCRIPTION", cell: ({ description }) => description },
    ...(kind === "forward"
      ? [{ header: "DEFAULT TARGET ADDRESS", cell: ({ config }: Thing) => config["target_address"] ?? "" }]
      : []),
    { header: "PORTS", cell: ({ ports }) => String(ports.length) },
  ]);
  shell.print(await formatList(shell.typed.text("format") as Format, table, found));
};

export const show = (kind: Kind) => async (shell: Shell): Promise<void> => {
  const { whole } = await (await open(shell, kind)).read();
  shell.print(await toYaml(whole));
};

export const create = (kind: Kind) => async (shell: Shell): Promise<void> => {
  const { client, network, address } = await read(shell);
  const config = await readPairs(shell.typed.args.slice(2));
  const description = shell.typed.text("description") ?? "";
  const body = { listen_address: address, description, config, ports: [], backends: [] };
  await client.call(`network.${kind}s.create`, { params: { network }, body });
  shell.print(`${titles[kind]} ${address} created\n`);
};

export const remove = (kind: Kind) => async (shell: Shell): Promise<void> => {
  const { client, network, address } = await read(shell);
  await client.call(`network.${kind}.delete`, { params: { network, address } });
  shell.print(`${titles[kind]} ${address} deleted\n`);
};

/** `NETWORK ADDRESS PROTOCOL PORTS TARGET [PORTS]`; of a load balancer the target is a list of backends. */
export const addPort = (kind: Kind) => async (shell: Shell): Promise<void> => {
  const [, , protocol = "", listen_port = "", target = "", target_port] = shell.typed.args;
  const port = kind === "forward"
    ? { protocol, listen_port, target_address: target, ...(target_port === undefined ? {} : { target_port }) }
    : { protocol, listen_port, target_backend: target.split(",") };
  await change(await open(shell, kind), (put) => {
    put.ports = [...put.ports ?? [], port] as Put["ports"];
  });
};

export const removePort = (kind: Kind) => async (shell: Shell): Promise<void> => {
  const [, , protocol, listenPort] = shell.typed.args;
  await change(await open(shell, kind), (put) => {
    const ports: (ForwardPort | BalancerPort)[] = put.ports ?? [];
    const fits = ports.filter((port) =>
      (protocol === undefined || port.protocol === protocol) &&
      (listenPort === undefined || port.listen_port === listenPort)
    );
    mustBeOne(fits.length, shell);
    put.ports = ports.filter((port) => !fits.includes(port)) as Put["ports"];
  });
};

function mustBeOne(count: number, shell: Shell): void {
  if (count === 0) throw new DreyError("NOT_FOUND", { message: "No matching port found" });
  if (count === 1 || shell.typed.has("force")) return;
  throw new DreyError("BAD_REQUEST", {
    message: `${count} ports match`,
    hint: "Remove them all with --force",
  });
}

/** `NETWORK ADDRESS NAME TARGET [PORTS]`. */
export async function addBackend(shell: Shell): Promise<void> {
  const [, , name = "", target_address = "", target_port] = shell.typed.args;
  await change(await open(shell, "balancer"), (put) => {
    const backend = { name, target_address, ...(target_port === undefined ? {} : { target_port }) };
    put.backends = [...put.backends ?? [], backend];
  });
}

export async function removeBackend(shell: Shell): Promise<void> {
  const name = shell.typed.args[2] ?? "";
  await change(await open(shell, "balancer"), (put) => {
    const backends = put.backends ?? [];
    if (!backends.some((backend) => backend.name === name)) {
      throw new DreyError("NOT_FOUND", { message: "No matching backend found" });
    }
    put.backends = backends.filter((backend) => backend.name !== name);
  });
}

function writable({ description, config, ports, backends }: Thing): Put {
  return { description, config, ports, ...(backends === undefined ? {} : { backends }) } as Put;
}

async function open(shell: Shell, kind: Kind): Promise<Owner<Put>> {
  const { client, network, address } = await read(shell);
  const params = { network, address };
  const title = `${titles[kind].toLowerCase()} "${address}"`;
  const schema = kind === "forward" ? networkForwardPut : networkLoadBalancerPut;
  return ownerOf({ title, schema }, {
    get: () => client.read(`network.${kind}.get`, { params }),
    writable: (value) => writable(value as Thing),
    put: (body, etag) => client.call(`network.${kind}.update`, { params, body, etag }),
  });
}

async function read(shell: Shell) {
  const { remote, name: network } = resolveName(shell.typed.args[0] ?? "", "network");
  return { client: await shell.connect(remote), network, address: shell.typed.args[1] ?? "" };
}
