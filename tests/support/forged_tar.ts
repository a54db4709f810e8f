// Tarballs no honest tar would write: any name, any kind, any target.

export interface ForgedEntry {
  name: string;
  /** flag of the header: `0` file, `1` hard link, `2` symbolic link, `3` and `4` devices, `5` directory */
  type?: string;
  target?: string;
  content?: string;
}

/** The bytes of such a tarball. */
export function forgeTar(entries: readonly ForgedEntry[]): Uint8Array<ArrayBuffer> {
  const blocks = entries.flatMap((entry) => {
    const content = new TextEncoder().encode(entry.content ?? "");
    const padded = new Uint8Array(Math.ceil(content.length / 512) * 512);
    padded.set(content);
    return [header(entry, content.length), padded];
  });
  const all = [...blocks, new Uint8Array(1024)];
  const bytes = new Uint8Array(all.reduce((sum, block) => sum + block.length, 0));
  let at = 0;
  for (const block of all) {
    bytes.set(block, at);
    at += block.length;
  }
  return bytes;
}

function header({ name, type = "0", target = "" }: ForgedEntry, size: number): Uint8Array {
  const block = new Uint8Array(512);
  const put = (at: number, text: string) => block.set(new TextEncoder().encode(text), at);
  put(0, name);
  put(100, "0000755\x000000000\x000000000\0");
  put(124, `${size.toString(8).padStart(11, "0")}\x0000000000000\0`);
  put(148, `        ${type}${target}`);
  put(257, "ustar\x0000");
  put(329, "0000010\x000000000\0");
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  return block;
}
