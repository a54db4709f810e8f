// The table of metrics in LXD's names, and how their samples become text.

export interface Family {
  name: string;
  type: "counter" | "gauge";
  /** what is counted, in words */
  help: string;
}

export interface Sample {
  family: FamilyName;
  labels: Record<string, string>;
  value: number;
}

const memoryParts = {
  Active_anon: "Anonymous memory in use lately",
  Active_file: "Memory of files in use lately",
  Active: "Memory in use lately",
  Cached: "Memory that caches files",
  Dirty: "Memory that waits to be written to disk",
  Inactive_anon: "Anonymous memory not in use lately",
  Inactive_file: "Memory of files not in use lately",
  Inactive: "Memory not in use lately",
  Mapped: "Memory of files that are mapped",
  MemAvailable: "Memory that is to be had",
  MemFree: "Memory that nobody uses",
  MemTotal: "Memory the instance may use",
  RSS: "Anonymous memory that is resident",
  Shmem: "Memory of files that lie in memory",
  Swap: "Memory that is swapped out",
  Unevictable: "Memory that cannot be given up",
  Writeback: "Memory that is being written to disk",
} as const;

export type MemoryPart = keyof typeof memoryParts;

const counter = (help: string) => ({ type: "counter", help }) as const;
const gauge = (help: string) => ({ type: "gauge", help }) as const;

const memory = Object.fromEntries(
  Object.entries(memoryParts).map(([part, help]) => [`lxd_memory_${part}_bytes`, gauge(help)]),
) as Record<`lxd_memory_${MemoryPart}_bytes`, Omit<Family, "name">>;

export const families = {
  lxd_cpu_effective_total: gauge("Processors the instance may use"),
  lxd_cpu_seconds_total: counter("Processor time, in seconds"),
  lxd_disk_read_bytes_total: counter("Bytes read from disks"),
  lxd_disk_reads_completed_total: counter("Reads from disks"),
  lxd_disk_written_bytes_total: counter("Bytes written to disks"),
  lxd_disk_writes_completed_total: counter("Writes to disks"),
  lxd_filesystem_avail_bytes: gauge("Bytes of the file system that users may have"),
  lxd_filesystem_free_bytes: gauge("Bytes of the file system that are free"),
  lxd_filesystem_size_bytes: gauge("Size of the file system"),
  lxd_instances: gauge("Instances"),
  ...memory,
  lxd_memory_OOM_kills_total: counter("Processes killed for want of memory"),
  lxd_network_receive_bytes_total: counter("Bytes received"),
  lxd_network_receive_drop_total: counter("Packets received and dropped"),
  lxd_network_receive_errs_total: counter("Packets received with errors"),
  lxd_network_receive_packets_total: counter("Packets received"),
  lxd_network_transmit_bytes_total: counter("Bytes sent"),
  lxd_network_transmit_drop_total: counter("Packets to be sent and dropped"),
  lxd_network_transmit_errs_total: counter("Packets sent with errors"),
  lxd_network_transmit_packets_total: counter("Packets sent"),
  lxd_operations_total: gauge("Operations that run"),
  lxd_procs_total: gauge("Processes"),
  lxd_uptime_seconds: gauge("Time since this drey was started"),
  lxd_warnings_total: gauge("Warnings that nobody has dealt with"),
} satisfies Record<string, Omit<Family, "name">>;

export type FamilyName = keyof typeof families;

/** Samples as the exposition format wants them: by family, each with its help and type, and an end mark. */
export function formatMetrics(samples: readonly Sample[]): string {
  const byFamily = Map.groupBy(samples, ({ family }) => family);
  const parts = (Object.keys(families) as FamilyName[]).flatMap((name) => {
    const found = byFamily.get(name);
    if (found === undefined) return [];
    const { help, type } = families[name];
    return [`# HELP ${name} ${help}.`, `# TYPE ${name} ${type}`, ...found.map(formatSample)];
  });
  return `${[...parts, "# EOF"].join("\n")}\n`;
}

function formatSample({ family, labels, value }: Sample): string {
  const pairs = Object.entries(labels).sort(([a], [b]) => a < b ? -1 : 1)
    .map(([name, text]) => `${name}="${text.replace(/[\\"\n]/g, (c) => c === "\n" ? "\\n" : `\\${c}`)}"`);
  return `${family}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}`;
}
