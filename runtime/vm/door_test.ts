import { assertEquals, assertRejects } from "@std/testing";
import { join } from "@std/path";
import { serveFile } from "../file_access.ts";
import { inGuest } from "./door.pl.ts";
import { frameKinds } from "./frames.pl.ts";

function frame(kind: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(9 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(4, kind);
  view.setUint32(5, payload.length);
  bytes.set(payload, 9);
  return bytes;
}

async function send(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

Deno.test("a command's output and status arrive though the keeper has closed the door behind them", async () => {
  const directory = await Deno.makeTempDir();
  const door = join(directory, "door");
  using listener = Deno.listen({ transport: "unix", path: door });
  const [path = "", ...args] = inGuest(door, ["/usr/bin/perl", "-e", "1"]);
  const child = new Deno.Command(path, { args, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
  const connection = await listener.accept();
  await connection.read(new Uint8Array(4096));
  const output = new Uint8Array(160_000);
  for (let at = 0; at < output.length; at += 16_000) {
    await send(connection, frame(frameKinds.data, new Uint8Array([1, ...output.subarray(at, at + 16_000)])));
  }
  // it shows what it has read, which nobody takes, and will want to give credit for it
  const reader = child.stdout.getReader({ mode: "byob" });
  const first = await reader.read(new Uint8Array(1));
  await send(connection, frame(frameKinds.exit, new Uint8Array([0, 0, 0, 7])));
  connection.close();
  reader.releaseLock();
  const { code, stdout, stderr } = await child.output();
  const length = (first.value?.length ?? 0) + stdout.length;
  assertEquals([code, length, new TextDecoder().decode(stderr)], [7, output.length, ""]);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a guest that answers without an end fills no memory", async () => {
  const directory = await Deno.makeTempDir();
  const door = join(directory, "door");
  using listener = Deno.listen({ transport: "unix", path: door });
  const asked = serveFile({ do: "head", path: "/etc/hosts" }, { steps: [], door });
  const refused = assertRejects(() => asked, Error, "has no end");
  const connection = await listener.accept();
  const endless = frame(frameKinds.data, new Uint8Array(16_000).fill(120).with(0, 1));
  for (let sent = 0; sent < 200; sent++) {
    if (await send(connection, endless).then(() => false, () => true)) break;
  }
  await refused;
  connection.close();
  await Deno.remove(directory, { recursive: true });
});

Deno.test("no more is read for a guest than has gone to it, whatever credit it gives", async () => {
  const directory = await Deno.makeTempDir();
  const door = join(directory, "door");
  using listener = Deno.listen({ transport: "unix", path: door });
  const [path = "", ...args] = inGuest(door, ["/usr/bin/perl", "-e", "1"]);
  const child = new Deno.Command(path, { args, stdin: "piped", stdout: "null", stderr: "null" }).spawn();
  const connection = await listener.accept();
  await send(connection, frame(frameKinds.credit, new Uint8Array([0, 255, 255, 255, 255])));
  const writer = child.stdin.getWriter();
  let taken = 0;
  const block = new Uint8Array(65_536);
  const pour = (async () => {
    for (; taken < 512; taken++) await writer.write(block);
  })().catch(() => {}); // it is ended below
  // until nothing has moved for a while
  for (let before = -1; before !== taken;) {
    before = taken;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assertEquals(taken < 256, true, `${taken} blocks were read that nobody took`);
  child.kill("SIGKILL");
  await Promise.all([pour, child.status]);
  connection.close();
  await Deno.remove(directory, { recursive: true });
});
