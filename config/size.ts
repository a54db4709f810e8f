// Amounts of bytes as people write them: `512MiB`, `10GB`, `4096`.

const units: Record<string, number> = {
  "": 1,
  B: 1,
  bytes: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  PB: 1e15,
  EB: 1e18,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
  PiB: 2 ** 50,
  EiB: 2 ** 60,
};

/** bytes from which a size cannot be counted: the kernel and LXD have 63 bits for it */
const tooLarge = 2 ** 63;

/** Bytes of a size such as `10GiB`; `undefined` if it is none. */
export function parseSize(text: string): number | undefined {
  const [, digits, unit = ""] = /^(\d+) ?([A-Za-z]*)$/.exec(text) ?? [];
  const bytes = Object.hasOwn(units, unit) ? Number(digits) * (units[unit] ?? NaN) : NaN;
  return bytes < tooLarge ? bytes : undefined;
}

/** Bytes as LXD prints them: `12B`, `1.50GiB`. */
export function formatSize(bytes: number, decimals = 2): string {
  if (bytes < 1024) return `${Math.round(bytes)}B`;
  const steps = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
  const step = Math.min(Math.floor(Math.log2(bytes) / 10), steps.length);
  return `${(bytes / 2 ** (10 * step)).toFixed(decimals)}${steps[step - 1]}`;
}
