// Huge pages of the host for the memory of virtual machines: they are set aside by an administrator, and not swapped.

import { formatSize } from "../../config/size.ts";
import { DreyError } from "../../errors.ts";

/**
 * Holds a machine's memory against what is free of them.
 *
 * @param size `bytes`
 * @param facts text of /proc/meminfo
 * @throws {DreyError} `BAD_REQUEST` if that is too little, or the memory is no whole number of them
 */
export function mustHaveHugepages(size: number, facts = Deno.readTextFileSync("/proc/meminfo")): void {
  const read = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(facts)?.[1] ?? 0);
  const page = read("Hugepagesize") * 1024;
  const free = (read("HugePages_Free") - read("HugePages_Rsvd")) * page;
  if (page > 0 && size % page !== 0) {
    throw new DreyError("BAD_REQUEST", {
      message: `The memory of the virtual machine, ${formatSize(size)}, is no multiple of a huge page of ${
        formatSize(page)
      }`,
    });
  }
  if (free >= size) return;
  throw new DreyError("BAD_REQUEST", {
    message: `The host has ${formatSize(free)} of huge pages free, and the virtual machine wants ${
      formatSize(size)
    }`,
    hint: page === 0
      ? "The kernel has no huge pages"
      : `Ask an administrator to run: sysctl vm.nr_hugepages=${
        Math.ceil(size / page) + (read("HugePages_Total") - read("HugePages_Free"))
      }`,
  });
}
