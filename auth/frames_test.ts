import { assertEquals, assertRejects } from "@std/testing";
import { DreyError } from "../errors.ts";
import { type Frame, frameOf, opcodes, readFrames } from "./frames.ts";

/** What a server reads of a client's frame. */
function unmasked(frame: Uint8Array, headSize: number): Uint8Array {
  const mask = frame.subarray(headSize, headSize + 4);
  return frame.slice(headSize + 4).map((byte, at) => byte ^ (mask[at % 4] ?? 0));
}

async function framesOf(bytes: Uint8Array, portion = bytes.length): Promise<Frame[]> {
  let at = 0;
  const read = (buffer: Uint8Array) => {
    const part = bytes.subarray(at, at + Math.min(portion, buffer.length));
    buffer.set(part);
    at += part.length;
    return Promise.resolve(part.length === 0 ? null : part.length);
  };
  const frames: Frame[] = [];
  for await (const frame of readFrames(read, new Uint8Array())) frames.push(frame);
  return frames;
}

Deno.test("frameOf() masks what it sends and says its length in as many bytes as it takes", () => {
  for (const [size, headSize] of [[0, 2], [5, 2], [125, 2], [126, 4], [65_535, 4], [65_536, 10]] as const) {
    const payload = crypto.getRandomValues(new Uint8Array(size));
    const frame = frameOf(opcodes.binary, payload);
    assertEquals(frame.length, headSize + 4 + size);
    assertEquals(frame[0], 0x82);
    assertEquals(frame[1], 0x80 | (headSize === 2 ? size : headSize === 4 ? 126 : 127));
    assertEquals(unmasked(frame, headSize), payload);
  }
});

Deno.test("readFrames() puts fragments together, with a ping between them, however the bytes arrive", async () => {
  const long = new Uint8Array(300).fill(7);
  const bytes = Uint8Array.of(
    ...[0x02, 2, 1, 2],
    ...[0x89, 1, 9],
    ...[0x80, 1, 3],
    ...[0x81, 0],
    ...[0x82, 126, 1, 44, ...long],
    ...[0x88, 0],
    ...[0x82, 5, 1],
  );
  for (const portion of [1, 3, 1000]) {
    assertEquals(await framesOf(bytes, portion), [
      { opcode: opcodes.ping, payload: Uint8Array.of(9) },
      { opcode: opcodes.binary, payload: Uint8Array.of(1, 2, 3) },
      { opcode: opcodes.text, payload: new Uint8Array() },
      { opcode: opcodes.binary, payload: long },
      { opcode: opcodes.close, payload: new Uint8Array() },
    ]);
  }
});

Deno.test("readFrames() refuses what no server sends, and lengths that lie", async () => {
  for (
    const bytes of [
      [0xc2, 0], // a compressed frame
      [0x82, 0x80, 0, 0, 0, 0], // a masked one
      [0x83, 0], // an unknown kind
      [0x8b, 0], // an unknown control frame
      [0x09, 0], // half a ping
      [0x80, 0], // the end of nothing
      [0x02, 0, 0x82, 0], // a message within another
      [0x82, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
      [0x82, 127, 0, 0, 0, 0, 1, 0, 0, 1],
    ]
  ) await assertRejects(() => framesOf(Uint8Array.from(bytes)), DreyError, "The server sent");
  const pieces = new Uint8Array(2 + 2 * 70_000);
  pieces[0] = 0x02;
  await assertRejects(() => framesOf(pieces), DreyError, "too many pieces");
});
