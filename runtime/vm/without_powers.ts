// How the box's programs that need none are started: as the box's root by its files alone, without a single capability
// and without a way to get one. What QEMU and swtpm write to belongs to that root, so an id of their own would have to be
// given the disks, and take them back.

/** Words in front of a program's. */
export const withoutPowers = [
  "/usr/bin/setpriv",
  "--no-new-privs",
  "--bounding-set=-all",
  "--inh-caps=-all",
  "--ambient-caps=-all",
  "--",
];
