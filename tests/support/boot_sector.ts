// The smallest disk that a BIOS boots: one sector, whose program says a word on the first serial port and halts.

// a loop over the text's bytes, each written when the port (0x3f8) has room for it; then hlt for ever
const program = [
  ...[0x31, 0xc0, 0x8e, 0xd8], // xor ax, ax; mov ds, ax
  ...[0xbe, 0x22, 0x7c, 0xfc], // mov si, text; cld
  ...[0xac, 0x88, 0xc4, 0x84, 0xc0, 0x74, 0x10], // next: lodsb; mov ah, al; test al, al; jz halt
  ...[0xba, 0xfd, 0x03, 0xec, 0xa8, 0x20, 0x74, 0xfb], // mov dx, 0x3fd; wait: in al, dx; test al, 0x20; jz wait
  ...[0xba, 0xf8, 0x03, 0x88, 0xe0, 0xee, 0xeb, 0xe9], // mov dx, 0x3f8; mov al, ah; out dx, al; jmp next
  ...[0xf4, 0xeb, 0xfd], // halt: hlt; jmp halt
];

/** A raw disk of one MiB. */
export function bootSector(text: string): Uint8Array<ArrayBuffer> {
  const disk = new Uint8Array(1024 * 1024);
  disk.set(program);
  disk.set(new TextEncoder().encode(text), program.length);
  disk.set([0x55, 0xaa], 510);
  return disk;
}
