// A filter of system calls, asked what it would do: classic BPF as the kernel runs it for seccomp(2).

/** One call as a filter sees it; struct seccomp_data. */
export interface Call {
  /** number of the call */
  number: number;
  /** kind of program as audit(7) numbers it */
  audit: number;
  arguments?: readonly bigint[];
}

/** What the program answers: 0x7fff0000 to allow, 0x00050000 with an errno, 0 to kill. */
export function runFilter(program: Uint8Array<ArrayBuffer>, call: Call): number {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, call.number, true);
  data.setUint32(4, call.audit, true);
  for (const [at, value] of (call.arguments ?? []).entries()) data.setBigUint64(16 + 8 * at, value, true);
  const code = new DataView(program.buffer, program.byteOffset, program.byteLength);
  let accumulator = 0;
  const memory = new Uint32Array(16);
  for (let at = 0; at < program.length / 8; at++) {
    const value = code.getUint32(8 * at + 4, true);
    const jump = (holds: boolean) => at += code.getUint8(8 * at + (holds ? 2 : 3));
    switch (code.getUint16(8 * at, true)) {
      case 0x20: // load
        accumulator = data.getUint32(value, true);
        break;
      case 0x02: // keep
        memory[value] = accumulator;
        break;
      case 0x60: // take what was kept
        accumulator = memory[value] ?? 0;
        break;
      case 0x54: // and
        accumulator = (accumulator & value) >>> 0;
        break;
      case 0x05: // go on further down
        at += value;
        break;
      case 0x15:
        jump(accumulator === value);
        break;
      case 0x25:
        jump(accumulator > value);
        break;
      case 0x35:
        jump(accumulator >= value);
        break;
      case 0x45:
        jump((accumulator & value) !== 0);
        break;
      case 0x06:
        return value;
      default:
        throw new Error(`instruction ${at} is of no known kind`);
    }
  }
  throw new Error("the program has no end");
}
