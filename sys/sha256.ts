// SHA-256 of what comes in pieces. libcrypto is asked where the host has it, on another thread; node:crypto is always
// there and as fast, once 40 ms of loading are over.

import { callWith } from "./libc.ts";
import { mapped } from "./mapped_file.ts";

/** A digest that is being made. */
export interface Sha256 {
  /** takes the next bytes, which nobody may change until it has; one call after the other */
  update(bytes: Uint8Array): Promise<void>;
  /** takes a range of an open file in a directory of our own; see {@link mapped} */
  updateFrom(fd: number, range: Range): Promise<void>;
  /** 64 hexadecimal digits over all so far; more may follow */
  hex(): string;
}

/** Bytes of a file, by where they begin and end. */
interface Range {
  from: number;
  to: number;
}

/** Begins a digest. */
export async function openSha256(): Promise<Sha256> {
  return libcryptoSha256() ?? await nodeSha256();
}

const symbols = {
  SHA256_Init: { parameters: ["buffer"], result: "i32" }, // int SHA256_Init(SHA256_CTX *c);
  SHA256_Final: { parameters: ["buffer", "buffer"], result: "i32" }, // int SHA256_Final(unsigned char *md, SHA256_CTX *c);
  SHA256_Update: { // int SHA256_Update(SHA256_CTX *c, const void *data, size_t len);
    parameters: ["buffer", "buffer", "usize"],
    result: "i32",
    nonblocking: true,
  },
  updateAt: { // the same where bytes are not ours
    name: "SHA256_Update",
    parameters: ["buffer", "pointer", "usize"],
    result: "i32",
    nonblocking: true,
  },
} as const satisfies Deno.ForeignLibraryInterface;

type Libcrypto = Deno.StaticForeignLibraryInterface<typeof symbols>;

let library: Libcrypto | null | undefined;

function libcrypto(): Libcrypto | null {
  if (library !== undefined) return library;
  try {
    library = Deno.dlopen("libcrypto.so.3", symbols).symbols;
  } catch {
    // not installed, or built without these names: node:crypto does the same
    library = null;
  }
  return library;
}

/** By libcrypto, which keeps its state in memory of ours, 112 bytes; undefined where the host has none. */
export function libcryptoSha256(): Sha256 | undefined {
  const crypto = libcrypto();
  if (crypto === null) return undefined;
  const state = new Uint8Array(256);
  crypto.SHA256_Init(state);
  const update = async (bytes: Uint8Array) => {
    const view = bytes as Uint8Array<ArrayBuffer>;
    await callWith(
      state,
      () => callWith(view, () => crypto.SHA256_Update(state, view, BigInt(view.length))),
    );
  };
  return {
    update,
    async updateFrom(fd, { from, to }) {
      const add = (memory: Deno.PointerValue, size: number) =>
        callWith(state, () => crypto.updateAt(state, memory, BigInt(size)));
      await readRange(fd, { from: await mapped(fd, { from, to }, add), to }, update);
    },
    hex() {
      const digest = new Uint8Array(32);
      crypto.SHA256_Final(digest, state.slice());
      return digest.toHex();
    },
  };
}

/** By node:crypto. */
export async function nodeSha256(): Promise<Sha256> {
  const { createHash } = await import("node:crypto");
  const hash = createHash("sha256");
  return {
    async update(bytes) {
      await Promise.resolve(hash.update(bytes));
    },
    updateFrom: (fd, range) => readRange(fd, range, (bytes) => Promise.resolve(hash.update(bytes))),
    hex: () => hash.copy().digest("hex"),
  };
}

async function readRange(
  fd: number,
  { from, to }: Range,
  take: (bytes: Uint8Array) => Promise<unknown>,
): Promise<void> {
  if (from === to) return;
  using file = await Deno.open(`/proc/self/fd/${fd}`);
  await file.seek(from, Deno.SeekMode.Start);
  const piece = new Uint8Array(1 << 20);
  for (let left = to - from; left > 0;) {
    const count = await file.read(piece.subarray(0, Math.min(left, piece.length)));
    if (count === null) throw new Error("A file of ours was cut off");
    await take(piece.subarray(0, count));
    left -= count;
  }
}
