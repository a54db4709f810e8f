// The files of a running container's run directory, which the starter, the supervisor and the clean-up share.

/** Files of a running container, all in its run directory. */
export const runFiles = {
  /** held by the starter, then by the supervisor, then by the clean-up */
  lock: "lock",
  /** host pid of init, which the first stage writes once it stands in its own root */
  init: "init.pid",
  /** host pid of the process that writes the console log */
  console: "console.pid",
  /** held by whoever is attached to the console */
  consoleLock: "console.lock",
  /** exists when a command takes care of the end, so that the supervisor does not */
  stopping: "stopping",
  /** wait status of init: 129 asks for a reboot, 130 or 0 is an ordinary end; reboot(2) in a pid namespace */
  exit: "exit",
  /** what the first stage said when it failed */
  log: "start.log",
  /** exists while a process answers there, or is about to */
  guest: "guest",
  plan: "plan.json",
  /** the programs of the first stage, outside and inside the container's user namespace */
  walker: "walker.pl",
  innerWalker: "inner.pl",
} as const;
