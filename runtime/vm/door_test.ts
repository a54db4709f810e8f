import { assertEquals } from "@std/testing";
import { join } from "@std/path";
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
