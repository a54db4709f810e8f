// Proxies on the way to servers of images: those that were set go before those of the environment, which fetch() knows.

/** Which proxy for which addresses; empty for none. */
export interface Proxies {
  /** for http */
  http: string;
  /** for https */
  https: string;
  /** hosts that are asked without one, parted by commas: names, those below `.name`, addresses, networks, `*` for all */
  ignored: string;
}

let current: Proxies = { http: "", https: "", ignored: "" };
const clients = new Map<string, Deno.HttpClient>();

/** Sets the proxies for all requests of this process from now on. */
export function useProxies(proxies: Proxies): void {
  current = proxies;
}

/** Connection settings for an address, to be used once; nothing if they are fetch()'s own. */
export function clientFor(url: string): Deno.HttpClient | undefined {
  const proxy = proxyFor(url, current);
  if (proxy === undefined) return undefined;
  const known = clients.get(proxy);
  if (known !== undefined) return known;
  const client = Deno.createHttpClient({ proxy: settingsOf(proxy) });
  clients.set(proxy, client);
  return client;
}

/** The variables by which programs know the same proxies; none that are not set. */
export function proxyVariables(): Record<string, string> {
  const { http, https, ignored } = current;
  return {
    ...http && { http_proxy: http },
    ...https && { https_proxy: https },
    ...ignored && { no_proxy: ignored },
  };
}

/** The proxy an address is asked through. What is this machine itself is asked without one, as LXD does. */
export function proxyFor(url: string, { http, https, ignored }: Proxies): string | undefined {
  const { protocol, hostname, port } = new URL(url);
  const proxy = protocol === "https:" ? https : http;
  const host = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  if (proxy === "" || isSelf(host)) return undefined;
  const words = ignored.toLowerCase().split(/[\s,]+/).filter((word) => word !== "");
  return words.some((word) => covers(word, { host, port })) ? undefined : proxy;
}

const isSelf = (host: string) => host === "localhost" || host === "::1" || /^127(\.\d+){3}$/.test(host);

function covers(word: string, { host, port }: { host: string; port: string }): boolean {
  if (word === "*") return true;
  const [, name = word, wanted] = /^([^:]*|\[.*\]):(\d+)$/.exec(word) ?? [];
  if (wanted !== undefined && wanted !== port) return false;
  if (name.includes("/")) return isWithin(host, name);
  const plain = name.replace(/^\[|\]$/g, "").replace(/^\*?\./, "");
  // a name that begins with a dot is for what is below it only
  return (host === plain && !/^\*?\./.test(name)) || host.endsWith(`.${plain}`);
}

/** Whether an address of IPv4 is in a network. */
function isWithin(host: string, network: string): boolean {
  const [base = "", length = ""] = network.split("/");
  const [a, b] = [numberOf(host), numberOf(base)];
  if (a === undefined || b === undefined || !/^\d+$/.test(length) || Number(length) > 32) return false;
  const size = 2 ** (32 - Number(length));
  return Math.floor(a / size) === Math.floor(b / size);
}

function numberOf(address: string): number | undefined {
  const parts = address.split(".").map(Number);
  if (parts.length !== 4 || !parts.every((part) => part >= 0 && part <= 255)) return undefined;
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}

/** A proxy that wants a name and a password has them in its address. */
function settingsOf(proxy: string): Deno.Proxy {
  const url = new URL(proxy);
  const [username, password] = [url.username, url.password].map(decodeURIComponent);
  url.username = url.password = "";
  return { url: url.href, ...username && { basicAuth: { username, password: password ?? "" } } };
}
