// What the root of a container tries against its host, and what the host must not hand in. Each attack is tried for
// real; where it matters, the same step is first shown to work outside.

import { assert, assertEquals, assertMatch } from "@std/testing";
import { join } from "@std/path";
import { type Drey, e2e } from "../support/drey.ts";
import { eventually } from "../support/eventually.ts";
import { initOf, ourProcesses, sleeper, snippets } from "../support/inside.ts";

const needs = ["userns", "subids"] as const;

/** Runs a shell script as the container's root; fails, or its output. */
async function inside(drey: Drey, script: string): Promise<string> {
  return await drey`exec c1 -- sh -c ${script}`;
}

await e2e("a container sees and signals no process but its own", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  await using bystander = sleeper();
  const own = "readlink /proc/1/ns/pid; for p in /proc/[0-9]*; do readlink $p/ns/pid; done | sort -u";
  const [init, ...others] = (await inside(drey, own)).trim().split("\n");
  assertEquals(others, [init], "every process shares the pid namespace of init");
  for (const pid of [bystander.pid, Deno.pid]) {
    assertMatch((await drey.tries`exec c1 -- sh -c ${`kill -9 ${pid}`}`).stderr, /No such process/);
  }
  await drey.tries`exec c1 -- perl -e ${"kill 9, -1"}`;
  Deno.kill(bystander.pid, "SIGCONT"); // throws if it is gone
  assertEquals(await drey`exec c1 -- echo alive`, "alive\n");
});

await e2e("a container turns none of the host's knobs", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  const knobs = [
    "/proc/sys/kernel/panic",
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/printk",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/vm/overcommit_memory",
    "/proc/sys/vm/swappiness",
    "/proc/sys/fs/file-max",
    "/sys/kernel/mm/transparent_hugepage/enabled",
  ].filter((path) => isThere(path));
  const before = knobs.map((path) => Deno.readTextFileSync(path));
  // the covers are the container's own mounts: it may lift them, and still the kernel says no
  const lift = "umount /proc/sysrq-trigger /proc/bus /proc/fs /proc/irq /proc/keys /proc/kcore 2>/dev/null";
  const turn = `for f in ${knobs.join(" ")} /proc/sysrq-trigger /proc/kcore /dev/mem /sys/power/state; do
    if { echo 1 >"$f"; } 2>/dev/null; then echo "$f"; fi; done`;
  assertEquals(await inside(drey, turn), "/dev/mem\n", "a file of that name in its own /dev is no memory");
  assertEquals(await inside(drey, `rm /dev/mem; ${lift}; ${turn}`), "/dev/mem\n");
  assertEquals(knobs.map((path) => Deno.readTextFileSync(path)), before);
});

await e2e("a container makes and mounts no device", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  const disks = Deno.readTextFileSync("/proc/partitions").matchAll(/^ +(\d+) +(\d+) +\d+ (\S+)$/gm);
  const nodes = [["b", "8", "0"], ["b", "7", "0"], ["c", "1", "1"], ["c", "10", "237"]];
  for (const [, major = "", minor = ""] of disks) nodes.push(["b", major, minor]);
  const make = nodes.slice(0, 12).map((node, at) => `mknod /root/n${at} ${node.join(" ")} && echo made`);
  assertEquals(await inside(drey, `{ ${make.join("; ")}; true; } 2>/dev/null`), "");
  const mount = "for t in ext4 xfs btrfs vfat iso9660 devtmpfs debugfs tracefs securityfs; do " +
    "for d in /dev/sda /dev/vda /dev/loop0 none; do mount -t $t $d /mnt && echo $t $d; done; done 2>/dev/null; true";
  assertEquals(await inside(drey, mount), "");
  const known =
    "console core fd full fuse lxd mqueue net null ptmx pts random shm stderr stdin stdout tty urandom zero";
  const names = (await inside(drey, "ls /dev")).trim().split("\n");
  assertEquals(names.filter((name) => !known.split(" ").includes(name)), []);
});

await e2e("no mount, bind or chroot leads out of a container", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  const marker = drey.directory;
  assert(isThere(marker));
  const look =
    `ls -d /mnt${marker} /mnt/mnt${marker} ${marker} /proc/1/root${marker} /proc/1/cwd${marker} 2>/dev/null`;
  const ways = [
    look,
    `mount --bind /proc/1/root /mnt && ${look}; umount /mnt`,
    `mount --rbind / /mnt && ${look}; umount -l /mnt`,
    `mount -t overlay -o lowerdir=/,upperdir=/tmp,workdir=/run none /mnt && ${look}; umount /mnt`,
    `mount -t proc proc /mnt && ls -d /mnt/[0-9]*/root${marker} /mnt/[0-9]*/cwd${marker}; umount /mnt`,
    // the classic: a root below the working directory, then upwards
    `perl -e 'mkdir "/tmp/x"; chroot "/tmp/x" or die; chdir ".." for 1 .. 64; chroot "." or die; exec "ls", "-d", "${marker}"'`,
    `while umount -l / 2>/dev/null; do :; done; ${look}`,
  ];
  for (const way of ways) assertEquals((await drey.tries`exec c1 -- sh -c ${way}`).stdout, "", way);
});

await e2e("no mount inside a container tells where the host keeps it", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  const lines = (await inside(drey, "cat /proc/1/mountinfo")).trim().split("\n");
  for (const line of lines) {
    const [place = "", source = ""] = line.split(" - ");
    const [, , , root = "", target = ""] = place.split(" ");
    const [type = ""] = source.split(" ");
    assert(!place.includes(drey.directory), line);
    // the layers of its own root are the options of an overlay, which the kernel shows to whoever may read this
    if (type !== "overlay") assert(!source.includes(drey.directory), line);
    const known = /^(overlay|proc|sysfs|tmpfs|devtmpfs|devpts|mqueue|cgroup2)$/;
    assertMatch(type, known, line);
    const isNode = /^\/(null|zero|full|random|urandom|tty|fuse|net\/tun|\d+)$/.test(root);
    assert(target === "/" || isNode || /^\/(proc|sys|dev|run)(\/|$)/.test(target), line);
  }
});

await e2e("the root of a container is not the caller, and its files show it", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  for (const kind of ["uid_map", "gid_map"]) {
    const rows = Deno.readTextFileSync(`/proc/${await initOf(drey, "c1")}/${kind}`).trim().split("\n");
    const caller = kind === "uid_map" ? Deno.uid()! : Deno.gid()!;
    for (const row of rows.map((text) => text.trim().split(/\s+/).map(Number))) {
      const [, first = 0, count = 0] = row;
      assert(caller < first || caller >= first + count, `${kind} maps the caller: ${row}`);
    }
  }
  await inside(drey, "touch /tmp/made; chmod 4755 /tmp/made");
  const made = Deno.statSync(join(drey.directory, "storage-pools/default/containers/c1/top/upper/tmp/made"));
  assert(made.uid !== Deno.uid() && made.uid !== 0, `the file belongs to ${made.uid}`);
  // and the way to a set-uid file of a container ends at a closed directory for everybody else
  const closed = [drey.directory, join(drey.directory, "storage-pools")].some((path) =>
    ((Deno.statSync(path).mode ?? 0) & 0o077) === 0
  );
  assert(closed, "the state directory is open to other users");
});

await e2e("a container cannot enter the namespaces it came from", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  const parent = `for my $kind (qw(user pid mnt net uts ipc cgroup)) {
    open my $ns, "<", "/proc/1/ns/$kind" or next;
    for my $ask (0xb701, 0xb702) { my $fd = ioctl($ns, $ask, 0); next if !$fd;
      # the user namespace of its own namespaces is its own; what is above must stay out of reach
      open my $dir, "<", "/proc/self/fd/" . ($fd + 0);
      my $is = readlink "/proc/self/fd/" . ($fd + 0);
      print "$kind $ask $is\\n" if $is ne readlink "/proc/1/ns/user" } }`;
  assertEquals(await drey`exec c1 -- perl -e ${parent}`, "");
});

await e2e("a namespace inside a container gives no more than the container has", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  const tries =
    "mknod /tmp/n b 8 0 2>/dev/null && echo node; echo 9 2>/dev/null >/proc/sys/kernel/panic && echo panic;" +
    "mount -t ext4 /dev/sda /mnt 2>/dev/null && echo disk; mount -o remount,rw /proc/bus 2>/dev/null && echo bus;" +
    `ls -d ${drey.directory} 2>/dev/null; id -u`;
  const { stdout } = await drey.tries`exec c1 -- unshare -U -r -m -p -f sh -c ${tries}`;
  assertMatch(stdout, /^(0\n)?$/);
});

await e2e("the caller's keys stay with the caller", { needs }, async (drey) => {
  const { addKey, findKey } = snippets;
  const withKey = (argv: string[]) => ["perl", "-e", `${addKey}; exec @ARGV`, "--", ...argv];
  assertMatch(await output(drey, withKey(["perl", "-e", findKey])), /found/, "outside, the key is there");
  await output(drey, withKey(drey.commandLine(["launch", "tiny", "c1"])));
  const look = drey.commandLine(["exec", "c1", "--", "perl", "-e", findKey]);
  assertEquals(await output(drey, withKey(look)), "nothing\n");
  // init's own session is what the container was born with
  const initSession = "cat /proc/keys 2>/dev/null | grep -c drey-secret; true";
  assertEquals((await inside(drey, initSession)).trim().replace(/^$/, "0"), "0");
});

await e2e("descriptors the caller left open are in no process of ours", { needs }, async (drey) => {
  const withFiles = (argv: readonly string[]) => [
    "sh",
    "-c",
    `exec 9</etc/hosts 8<>"$0" && exec "$@"`,
    join(drey.directory, "open"),
    ...drey.commandLine(argv),
  ];
  const list = "for p in /proc/1 /proc/self; do ls -l $p/fd | sed -n 's/.* -> //p'; done";
  const check = async () => {
    const links = (await output(drey, withFiles(["exec", "c1", "--", "sh", "-c", list]))).trim().split("\n");
    const own = /^(\/dev\/console|\/dev\/null|pipe:\[\d+\]|\/usr\/sbin\/init|\/proc\/\d+\/fd)$/;
    assertEquals(links.filter((link) => !own.test(link)), []);
  };
  await output(drey, withFiles(["launch", "tiny", "c1"]));
  await check();
  await drey`stop -f c1`;
  await output(drey, withFiles(["start", "c1"]));
  await check();
  for (const { pid, fds, argv } of await ourProcesses(drey, "c1")) {
    const foreign = fds.filter((path) => /etc\/hosts|\/open$/.test(path));
    assertEquals(foreign, [], `${pid} ${argv}`);
  }
});

await e2e("what stays after a launch does not hold the caller's standard input", { needs }, async (drey) => {
  // a fifo tells by its end whether anybody still has it: a writer without readers gets EPIPE
  const script = `mkfifo "$0" && { "$@" <"$0" & exec 3>"$0"; wait $!; } && trap "" PIPE && ! echo x >&3`;
  const fifo = join(drey.directory, "fifo");
  const command = ["sh", "-c", script, fifo, ...drey.commandLine(["init", "tiny", "c1"])];
  await drey`init tiny c0`;
  await output(drey, [...command.slice(0, 4), ...drey.commandLine(["start", "c0"])]);
});

await e2e("the caller's environment does not reach a container", { needs }, async (drey) => {
  const env = { SECRET_WORD: "xyzzy" };
  assertEquals((await drey.run(["launch", "tiny", "c1"], { env })).code, 0);
  const look = "cat /proc/1/environ; env";
  const { code, stdout } = await drey.run(["exec", "c1", "--", "sh", "-c", look], { env });
  assertEquals(code, 0);
  assert(!/xyzzy|SECRET|DREY_DIR|DENO/.test(stdout), stdout);
  for (const { pid } of await ourProcesses(drey, "c1")) {
    assert(!readOrEmpty(`/proc/${pid}/environ`).includes("xyzzy"), `process ${pid} keeps the environment`);
  }
});

await e2e(
  "a container changes no limit of its own and leaves its cgroup for none of the host's",
  { needs: [...needs, "cgroup"] },
  async (drey) => {
    await drey`launch tiny c1`;
    assertEquals(await inside(drey, "cat /proc/1/cgroup | grep ^0::"), "0::/\n");
    const write =
      "cd /sys/fs/cgroup; for f in memory.max memory.high pids.max cpu.max cpuset.cpus cgroup.max.descendants " +
      "cgroup.freeze cgroup.kill; do [ -e $f ] && { echo max >$f; } 2>/dev/null && echo $f; done; true";
    assertEquals(await inside(drey, write), "");
    const leave = "for d in /sys/fs/cgroup/.. /sys/fs/cgroup/../..; do " +
      "{ echo $$ >$d/cgroup.procs; } 2>/dev/null && cat /proc/self/cgroup; done; " +
      "mount -t cgroup2 none /mnt && ls -d /mnt/payload /mnt/supervisors /mnt/c1 2>/dev/null; " +
      // the first hierarchy version: release agents run as the host's root
      "for c in memory cpu pids devices freezer rdma; do mount -t cgroup -o $c none /mnt 2>/dev/null || continue; " +
      "{ echo /tmp/x >/mnt/release_agent; } 2>/dev/null && echo agent; " +
      "{ echo $$ >/mnt/tasks; } 2>/dev/null && echo moved; done; true";
    assertEquals(await inside(drey, leave), "");
    // below each other until no path leads there any more
    const deep = `chdir "/sys/fs/cgroup"; my $n = "d" x 200; for (1 .. 30) { mkdir $n or die $!; chdir $n }`;
    await inside(drey, `perl -e '${deep}'`);
    await drey`stop -f c1`;
  },
);

await e2e(
  "a command on its way in cannot be caught while it still sees the host",
  { needs },
  async (drey) => {
    await drey`launch tiny c1`;
    const watch = snippets.watchNewcomers(drey.directory, "/root/enough");
    const watcher = drey.spawn(["exec", "c1", "--", "perl", "-e", watch], { stdout: "piped" });
    let seen = "";
    const reading = (async () => {
      for await (const chunk of watcher.stdout.pipeThrough(new TextDecoderStream())) seen += chunk;
    })();
    await eventually("it watches", () => seen.includes("watching\n"), 20);
    for (let round = 0; round < 6; round++) await drey`exec c1 -- true`;
    await drey`exec c1 -- touch /root/enough`;
    await reading;
    await watcher.status;
    const [, count = "", ...caught] = seen.trim().split("\n");
    assert(Number(count) >= 1, `the watcher saw ${count} newcomers`);
    assertEquals(caught, []);
  },
);

await e2e("no program of the host obeys the environment of a command inside", { needs }, async (drey) => {
  const trace = join(drey.directory, "obeyed");
  const env = {
    PERL5OPT: "-d",
    PERL5DB: `BEGIN { open my $f, ">", "${trace}" } sub DB::DB {}`,
    LD_DEBUG: "files",
    LD_DEBUG_OUTPUT: trace,
  };
  const given = Object.entries(env).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
  await drey`launch tiny c1`;
  const { stdout } = await drey.run(["exec", "c1", ...given, "--", "sh", "-c", "echo $PERL5OPT $LD_DEBUG"]);
  assertMatch(stdout, /^-d files$/m, "the command itself has it");
  await drey.run(["exec", "c1", "-t", ...given, "--", "true"]);
  const left = [...Deno.readDirSync(drey.directory)].filter(({ name }) => name.startsWith("obeyed"));
  assertEquals(left, []);
});

await e2e("no descriptor of the host serves as a working directory inside", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  for (const fd of [3, 4, 5, 6, 7, 8, 9]) {
    const { code } = await drey.tries`exec c1 --cwd /proc/self/fd/${fd} -- true`;
    assert(code !== 0, `descriptor ${fd} was a directory`);
  }
});

await e2e("no mount of a start goes where a link of the instance leads", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  const names = ["proc", "sys", "dev", "run"];
  const paths = names.map((name) => `/${name}`);
  const script = `umount -l ${paths.toReversed().join(" ")}; rmdir ${paths.join(" ")} &&
    for p in ${paths.join(" ")}; do ln -s / $p || exit; done`;
  // where nothing is mounted, a link does no harm
  await inside(drey, `${script}; rm -r /tmp && ln -s /nowhere /tmp`);
  await drey`stop -f c1`;
  for (const name of names) {
    const { code, stderr } = await drey.tries`start c1`;
    assertEquals(code, 1);
    assertMatch(
      stderr,
      new RegExp(`"/${name}" of the instance is a link.*drey file delete INSTANCE/${name}\n$`, "s"),
    );
    await drey`file delete c1/${name}`;
  }
  await drey`start c1`;
});

await e2e("a container's links do not lead a look from outside to the host", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  // a mount that is there and hidden, and a link at its path; and no home to begin in but one of the host
  const script = `mkdir -p /cover/at && mount --bind /etc /cover/at && mount -t tmpfs none /cover &&
    ln -s ${drey.directory} /cover/at && rmdir /root && ln -s ${drey.directory} /root`;
  await inside(drey, script);
  assertEquals(
    (await drey`query /1.0/metrics`).match(/mountpoint="[^"]*"/g)?.includes('mountpoint="/cover/at"'),
    false,
  );
  await inside(drey, `rm /root && mkdir -p /srv/root && ln -s /srv/root /root`);
  assertEquals(await drey`exec c1 -- sh -c pwd`, "/srv/root\n");
});

await e2e("a container's links do not lead a terminal to files of the host", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  const victim = join(drey.directory, "victim");
  await Deno.writeTextFile(victim, "untouched\n", { mode: 0o600 });
  await inside(
    drey,
    `mount -t tmpfs none /dev/pts; ln -s /dev/ptmx /dev/pts/ptmx; for n in $(seq 0 99); do ln -s ${victim} /dev/pts/$n; done`,
  );
  const command = drey.commandLine(["exec", "-t", "c1", "--", "sh", "-c", "echo pwned >&0; echo pwned"]);
  await new Deno.Command("script", {
    args: ["-qec", command.map((word) => `'${word}'`).join(" "), "/dev/null"],
    env: { ...drey.environment },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).output();
  assertEquals(await Deno.readTextFile(victim), "untouched\n");
  assertEquals((await Deno.stat(victim)).uid, Deno.uid());
});

/** Output of a host command in the environment of a drey; it must succeed. */
async function output(drey: Drey, argv: readonly string[]): Promise<string> {
  const [program = "", ...args] = argv;
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args,
    env: { ...drey.environment },
    stdin: "null",
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function readOrEmpty(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return ""; // another user's, or gone
  }
}
