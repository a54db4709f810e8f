import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/testing";
import { DreyError } from "../../errors.ts";
import {
  commonFeatures,
  featuresHere,
  type Header,
  readControl,
  readHeader,
  writeControl,
  writeHeader,
} from "./messages.ts";
import { readMessage, writeMessage } from "./protobuf.ts";

const header: Header = {
  way: 0,
  criu: undefined,
  owners: {
    uids: [{ nsId: 0, hostId: 1_000_000, count: 65_536 }],
    gids: [{ nsId: 0, hostId: 2_000_000, count: 10 }],
  },
  snapshotNames: ["s0"],
  snapshots: [{
    name: "s0",
    config: { "user.note": "ä" },
    devices: { root: { type: "disk", path: "/" } },
    profiles: ["default", "web"],
    ephemeral: false,
    architecture: 2,
    createdAt: 1_700_000_000,
    usedAt: 0,
    expiresAt: -62_135_596_800,
  }],
  features: ["xattrs", "delete", "bidirectional"],
  refresh: true,
  volumeSize: undefined,
  indexVersion: 1,
};

Deno.test("a header is read as it was written, times before 1970 too", () => {
  assertEquals(readHeader(writeHeader(header)), header);
});

Deno.test("writeMessage() writes as protocol buffers have it", () => {
  const bytes = [0x08, 0x96, 0x01, 0x12, 0x07, ...new TextEncoder().encode("testing"), 0x18, 0x01];
  assertEquals([...writeMessage([[1, 150], [2, "testing"], [3, true], [4, undefined]])], bytes);
});

Deno.test("readMessage() passes over what nobody asks for, and refuses what is cut short", () => {
  const message = readMessage(Uint8Array.of(0x0d, 1, 2, 3, 4, 0x11, 1, 2, 3, 4, 5, 6, 7, 8, 0x18, 0x05));
  assertEquals([message.number(1), message.number(3), message.text(3)], [undefined, 5, undefined]);
  assertThrows(() => readMessage(Uint8Array.of(0x12, 0x07, 0x61)), RangeError);
  assertThrows(() => readMessage(new Uint8Array(12).fill(0xff)), RangeError);
});

Deno.test("a header that would take long to read, or tells of no time, is none", () => {
  const isNone = (bytes: Uint8Array) => assertThrows(() => readHeader(bytes), DreyError, "no message of a");
  isNone(new Uint8Array((4 << 20) + 1));
  // snapshots of nothing, and one of many
  const nothing = Uint8Array.of(0x2a, 0);
  isNone(Uint8Array.from({ length: 1 << 20 }, (_, at) => nothing[at % 2] ?? 0));
  const many = Uint8Array.from({ length: 1 << 20 }, (_, at) => [0x12, 0][at % 2] ?? 0);
  isNone(writeMessage([[5, many]]));
  const [snapshot] = header.snapshots;
  const late = { ...snapshot!, createdAt: 1e15 };
  isNone(writeHeader({ ...header, snapshots: [late] }));
  const { message } = assertThrows(() => readControl(writeControl("x".repeat(9_999))), DreyError);
  assert(message.length < 3_000);
});

Deno.test("readHeader() tells what the other end says when it gives up instead", () => {
  const error = assertThrows(() => readHeader(writeControl("no such pool")), DreyError);
  assertStringIncludes(error.message, "no such pool");
  assertThrows(() => readHeader(Uint8Array.of(0x12)), DreyError, "no message of a migration");
});

Deno.test("readControl() throws unless all went well", () => {
  readControl(writeControl());
  assertThrows(() => readControl(writeControl("disk full")), DreyError, "disk full");
});

Deno.test("commonFeatures() keeps what both ends know, and takes older servers for what they do", () => {
  assertEquals(commonFeatures(featuresHere), ["xattrs", "delete", "hard_links", "acls"]);
  assertEquals(commonFeatures(["compress", "xattrs", "bidirectional"]), ["xattrs"]);
  assertEquals(commonFeatures([]), ["xattrs", "delete", "compress"]);
});
