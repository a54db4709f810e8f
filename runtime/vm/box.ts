// The box of a virtual machine as steps: a container like any other, with its ids, its cgroup, its network namespace and
// its devices, whose root is not the guest's but a small one with the host's programs, and whose init is the keeper. The
// guest's root is a directory of it, served to the guest by virtiofsd.

import type { BoxFile, ContainerPlan, MachineBox } from "../container_plan.ts";
import type { Step } from "../steps.ts";

/** Where the guest's root is in the box. */
export const guestRoot = "/guest";

/** Where files of the host are shown in it. */
export const boxFiles = "/drey";

/** Where directories are in the box that the guest mounts by itself. */
export const guestShares = "/shares";

/** The same while the box is built: beside the root, as devices expect of whatever they put something into. */
export const stagedShares = (staging: string): string => `${staging}/shares`;

const doorFd = 7;

/** In the parent namespace, before anything is hidden: the door is made, the host's files are put beside the root. */
export function boxOuterSteps(
  { door, files, hasShares }: MachineBox,
  staging: string,
): { early: Step[]; staged: Step[] } {
  return {
    early: [{ do: "door", fd: doorFd, directory: door.directory, name: door.name }],
    staged: [
      { do: "mkdir", path: `${staging}/box` },
      { do: "mkdir", path: `${staging}/files` },
      ...(hasShares ? [{ do: "mkdir", path: stagedShares(staging) } satisfies Step] : []),
      ...(files.some(isMade) ? [nodesMount(`${staging}/files/${nodes}`)].flat() : []),
      ...files.flatMap((file) => fileSteps(file, placeOf(file, staging))),
    ],
  };
}

const nodes = "nodes";

const isMade = ({ node }: BoxFile) => typeof node === "object";

/** Where a file of the host waits for the box. */
const placeOf = (file: BoxFile, staging: string): string =>
  `${staging}/files/${isMade(file) ? `${nodes}/` : ""}${file.name}`;

/** What else is mounted here lets nobody open devices. */
const nodesMount = (target: string): Step[] => [
  { do: "mkdir", path: target },
  { do: "mount", type: "tmpfs", source: "drey", target, flags: ["nosuid"], data: "mode=755,size=64k" },
];

function fileSteps({ source, id, node }: BoxFile, place: string): Step[] {
  if (typeof node === "object") return [{ do: "node", path: place, ...node }];
  if (id !== undefined) return [{ do: "bind", source, place, id, recursive: false, attributes: [] }];
  return [
    { do: "touch", path: place },
    { do: "mount", type: "none", source, target: place, flags: ["bind"] },
  ];
}

/** As the container's root: a root of the box's own, empty but for what the host lends it. */
export function boxSteps({ host, files, hasShares }: MachineBox, staging: string): Step[] {
  const box = `${staging}/box`;
  const lent = (source: string, path: string, { isWritable = false, isNode = false } = {}): Step[] => [
    { do: "mount", type: "none", source, target: `${box}${path}`, flags: ["bind", "rec"] },
    {
      do: "mount",
      type: "none",
      source: "none",
      target: `${box}${path}`,
      flags: [
        "bind",
        "remount",
        ...(isWritable ? [] : ["ro" as const]),
        "nosuid",
        ...(isNode ? [] : ["nodev" as const]),
      ],
      optional: true,
    },
  ];
  return [
    { do: "mount", type: "tmpfs", source: "box", target: box, flags: ["nosuid"], data: "mode=755,size=1m" },
    ...["/etc", boxFiles, guestRoot].map((path): Step => ({ do: "mkdir", path: box + path })),
    ...host.flatMap(({ path, link, isFile }): Step[] => {
      if (link !== undefined) return [{ do: "symlink", path: box + path, target: link }];
      return [{ do: isFile ? "touch" : "mkdir", path: box + path }, ...lent(path, path)];
    }),
    ...files.flatMap((file): Step[] => [
      { do: "touch", path: `${box}${boxFiles}/${file.name}` },
      ...lent(placeOf(file, staging), `${boxFiles}/${file.name}`, {
        isWritable: file.isWritable ?? false,
        isNode: file.node !== undefined,
      }),
    ]),
    ...(hasShares
      ? [
        { do: "mkdir", path: box + guestShares } satisfies Step,
        {
          do: "mount",
          type: "tmpfs",
          source: "shares",
          target: stagedShares(staging),
          flags: ["nosuid", "nodev"],
          data: "mode=755,size=1m",
        } satisfies Step,
      ]
      : []),
  ];
}

/** The guest's root as a directory of the box, with all that devices have put into it or beside it. */
export function guestRootSteps({ hasShares }: MachineBox, staging: string): Step[] {
  const show = (source: string, path: string): Step => ({
    do: "mount",
    type: "none",
    source,
    target: `${staging}/box${path}`,
    flags: ["bind", "rec"],
  });
  return [
    show(`${staging}/root`, guestRoot),
    ...(hasShares ? [show(stagedShares(staging), guestShares)] : []),
  ];
}

export const keeperStep = (init: ContainerPlan["init"]): Step => ({
  do: "keep",
  door: doorFd,
  argv: init.argv,
  env: init.env,
});

/** The host's directories with programs and their libraries, and what links lead to them. */
export function hostLayout(): MachineBox["host"] {
  const places = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/alternatives",
  ];
  return places.flatMap((path): MachineBox["host"] => {
    try {
      const info = Deno.lstatSync(path);
      if (info.isSymlink) return [{ path, link: Deno.readLinkSync(path) }];
      return [{ path, isFile: info.isFile }];
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  });
}
