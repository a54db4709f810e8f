import { assertEquals } from "@std/testing";
import { join } from "@std/path";
import { type RelayPlan, relayProgram, relayText } from "./relay.pl.ts";

Deno.test("a relay takes so many connections at once, and others as these end", async () => {
  using target = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  taken.close();
  const end = (port: number) => ({ protocol: "tcp", host: "127.0.0.1", port }) as const;
  await using _relay = await startRelay({
    pairs: [{ listen: end(port), connect: end(target.addr.port) }],
    listenAt: "host",
    connectAt: "host",
    own: { uid: undefined, gid: undefined, mode: 0o600 },
    drop: undefined,
    haproxy: false,
  }, 2);
  const come = () => Deno.connect({ hostname: "127.0.0.1", port });
  // one after the other: relays that begin at the same time reach the target in any order
  const first = await come();
  const served = [await target.accept()];
  const second = await come();
  served.push(await target.accept());
  const third = await come();
  const next = target.accept();
  const late = Symbol();
  const isThere = await Promise.race([next, new Promise((resolve) => setTimeout(resolve, 200, late))]);
  assertEquals(isThere, late);
  first.close();
  served[0]?.close();
  served.push(await next);
  for (const connection of [second, third, ...served.slice(1)]) connection.close();
});

// as soon as it is bound somebody else puts a link in the place of the socket
const swapping = String.raw`BEGIN { *CORE::GLOBAL::bind = sub (*$) {
  my $bound = CORE::bind($_[0], $_[1]);
  my ($path) = grep { -S } glob "$ENV{PLACE}/*.sock";
  rename $path, "$path.own" and symlink "$ENV{PLACE}/victim", $path;
  return $bound;
} }
`;

Deno.test("a relay changes the mode of its socket alone, whatever is put in its place", async () => {
  const place = await Deno.makeTempDir();
  const victim = join(place, "victim");
  await Deno.writeTextFile(victim, "", { mode: 0o600 });
  const end = (name: string) => ({ protocol: "unix", host: join(place, name), port: 0 }) as const;
  {
    const own = { uid: Deno.uid() ?? 0, gid: Deno.gid() ?? 0, mode: 0o666 };
    const pairs = [{ listen: end("a.sock"), connect: end("b.sock") }];
    const plan = {
      pairs,
      listenAt: "host",
      connectAt: "host",
      own,
      drop: undefined,
      haproxy: false,
    } as const;
    await using _relay = await startRelay(plan, 2, { before: swapping, env: { PLACE: place } });
    const modeOf = (path: string) => ((Deno.statSync(path).mode ?? 0) & 0o777).toString(8);
    assertEquals([modeOf(victim), modeOf(join(place, "a.sock.own"))], ["600", "666"]);
  }
  await Deno.remove(place, { recursive: true });
});

/** A relay that listens already. */
async function startRelay(
  plan: RelayPlan,
  most: number,
  { before = "", env = {} }: { before?: string; env?: Record<string, string> } = {},
): Promise<AsyncDisposable> {
  const directory = await Deno.makeTempDir();
  const file = join(directory, "plan");
  await Deno.writeTextFile(file, relayText(plan, most));
  await new Deno.Command("mkfifo", { args: [`${file}.told`] }).output();
  // it does not wait for who hears that it listens
  const told = await Deno.open(`${file}.told`, { read: true, write: true });
  const child = new Deno.Command("perl", { args: ["-e", before + relayProgram, file], env, stdin: "null" })
    .spawn();
  await told.read(new Uint8Array(1));
  told.close();
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
      await Deno.remove(directory, { recursive: true });
    },
  };
}
