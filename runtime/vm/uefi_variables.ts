// The variables of UEFI, read from the file that is the firmware's flash memory, and written into it: a firmware volume
// with a store of authenticated variables, as EDK2 lays it out in VariableFormat.h. Pure.

import { DreyError } from "../../errors.ts";

export interface UefiVariable {
  name: string;
  /** whose it is; as UUIDs are written */
  vendor: string;
  attributes: number;
  data: Uint8Array<ArrayBuffer>;
  /** EFI_TIME, 16 bytes; zeros for a variable that is not authenticated by time */
  time: Uint8Array<ArrayBuffer>;
}

/** In the volume's header: its signature. PiFirmwareVolume.h */
const volumeMark = { at: 0x28, text: "_FVH" };
const storeId = "aaf32c78-947b-439a-a180-2e144ec37792";
/** Of the block that says what is still to be written; FaultTolerantWrite.h */
const workingId = "9e58292b-7c68-497d-a0ce-6500fd9f1b95";
const storeHeader = 28;
const variableHeader = 60;
const workingHeader = 32;
const startMark = 0x55aa;
const isThere = 0x3f;
/** another is about to take its place */
const isGoing = 0x3e;
const alignment = 4;

interface Store {
  view: DataView;
  /** where its variables begin and where they must end */
  start: number;
  end: number;
}

function openStore(flash: Uint8Array<ArrayBuffer>): Store {
  const view = new DataView(flash.buffer, flash.byteOffset, flash.byteLength);
  const mark = new TextDecoder().decode(flash.subarray(volumeMark.at, volumeMark.at + 4));
  if (flash.length < 0x100 || mark !== volumeMark.text) throw damaged("it is no firmware volume");
  const header = view.getUint16(0x30, true);
  if (header + storeHeader > flash.length || readId(flash, header) !== storeId) {
    throw damaged("it holds no store of authenticated variables");
  }
  const end = header + view.getUint32(header + 16, true);
  if (end > flash.length) throw damaged("its store is longer than itself");
  return { view, start: header + storeHeader, end };
}

/** Reads all variables. @throws {DreyError} `BAD_REQUEST` for a file that is none of UEFI's, or damaged */
export function readVariables(flash: Uint8Array<ArrayBuffer>): UefiVariable[] {
  const { view, start, end } = openStore(flash);
  const found = new Map<string, UefiVariable>();
  for (let at = start; at + variableHeader <= end && view.getUint16(at, true) === startMark;) {
    const state = view.getUint8(at + 2);
    const [nameSize, dataSize] = [view.getUint32(at + 36, true), view.getUint32(at + 40, true)];
    const name = at + variableHeader;
    const data = name + nameSize;
    if (data + dataSize > end) throw damaged("a variable is longer than the store");
    if (state === isThere || state === isGoing) {
      const variable = {
        name: new TextDecoder("utf-16le").decode(flash.subarray(name, data)).replace(/\0+$/, ""),
        vendor: readId(flash, at + 44),
        attributes: view.getUint32(at + 4, true),
        data: flash.slice(data, data + dataSize),
        time: flash.slice(at + 16, at + 32),
      };
      const key = variableKey(variable);
      if (state === isThere || !found.has(key)) found.set(key, variable);
    }
    at = align(data + dataSize);
  }
  return [...found.values()];
}

/** Its name and whose it is as one word, which is LXD's. */
export const variableKey = ({ name, vendor }: Pick<UefiVariable, "name" | "vendor">): string =>
  `${name}-${vendor}`;

/**
 * The same flash memory with these variables in place of all others; what it was about to write is dropped.
 *
 * @throws {DreyError} `TOO_LARGE` if it has no room for them, `BAD_REQUEST` as {@link readVariables}
 */
export function writeVariables(
  flash: Uint8Array<ArrayBuffer>,
  variables: readonly UefiVariable[],
): Uint8Array<ArrayBuffer> {
  const written = flash.slice();
  const { view, start, end } = openStore(written);
  written.fill(0xff, start, end);
  let at = start;
  for (const { name, vendor, attributes, data, time } of variables) {
    const text = utf16(`${name}\0`);
    const next = align(at + variableHeader + text.length + data.length);
    // the firmware wants room for one header after the last
    if (next + variableHeader > end) throw full();
    view.setUint16(at, startMark, true);
    view.setUint8(at + 2, isThere);
    written.fill(0, at + 3, at + variableHeader);
    view.setUint32(at + 4, attributes, true);
    written.set(time, at + 16);
    view.setUint32(at + 36, text.length, true);
    view.setUint32(at + 40, data.length, true);
    written.set(idBytes(vendor), at + 44);
    written.set(text, at + variableHeader);
    written.set(data, at + variableHeader + text.length);
    at = next;
  }
  const working = findWorking(written, end);
  if (working !== undefined) written.fill(0xff, working + workingHeader);
  return written;
}

function findWorking(flash: Uint8Array<ArrayBuffer>, from: number): number | undefined {
  for (let at = from; at + workingHeader <= flash.length; at += 16) {
    if (readId(flash, at) === workingId) return at;
  }
  return undefined;
}

const align = (at: number): number => Math.ceil(at / alignment) * alignment;

function utf16(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length * 2);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < text.length; at++) view.setUint16(at * 2, text.charCodeAt(at), true);
  return bytes;
}

/** The first three parts of an EFI_GUID are little-endian. */
const idOrder = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

function readId(bytes: Uint8Array, at: number): string {
  const hex = idOrder.map((index) => (bytes[at + index] ?? 0).toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

function idBytes(id: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(16);
  const hex = id.replaceAll("-", "");
  idOrder.forEach((to, index) => bytes[to] = parseInt(hex.slice(index * 2, index * 2 + 2), 16));
  return bytes;
}

const damaged = (why: string) =>
  new DreyError("BAD_REQUEST", { message: `Cannot read the variables of the firmware: ${why}` });

const full = () => new DreyError("TOO_LARGE", { message: "The firmware has no room for so many variables" });
