// What system calls a container is refused: by LXD's usual list, by lists of one's own, and for whom they hold.

import { assert, assertEquals, assertMatch } from "@std/testing";
import { type Drey, e2e } from "../support/drey.ts";
import { serve } from "../support/server.ts";

const needs = ["userns", "subids"] as const;

/** numbers of system calls; asm/unistd.h */
const nr = {
  x86_64: { open_by_handle_at: 304, umount2: 166, personality: 135 },
  aarch64: { open_by_handle_at: 265, umount2: 39, personality: 92 },
}[Deno.build.arch];
const [EPERM, ENOENT, EACCES, ENOSYS] = [1, 2, 13, 38];

/** Says the errno of some calls, 0 for none, then whether this process and init are filtered. */
const report = `my ($p, $h) = ("/nowhere", "\\0" x 64);
  sub told { my ($name, $r) = @_; print "$name ", $r < 0 ? $! + 0 : 0, "\\n" }
  told("handle", syscall(${nr.open_by_handle_at}, 3, $h, 0));
  told("forced", syscall(${nr.umount2}, $p, 1)); told("gentle", syscall(${nr.umount2}, $p, 0));
  told("personality", syscall(${nr.personality}, 0xffffffff));
  for my $pid (qw(self 1)) { open my $f, "<", "/proc/$pid/status"; /^(Seccomp|NoNewPrivs):\\t(.*)/ && print "$pid $1 $2\\n" for <$f> }`;

/** Runs the program in c1. */
async function reported(drey: Drey, flags: string[] = []): Promise<Record<string, string>> {
  const lines = (await drey`exec c1 ${flags} -- perl -e ${report}`).trim().split("\n");
  return Object.fromEntries(lines.map((line) => [line.replace(/ \S+$/, ""), line.replace(/^.* /, "")]));
}

const filtered = { "self Seccomp": "2", "1 Seccomp": "2", "self NoNewPrivs": "0", "1 NoNewPrivs": "0" };
const usual = { handle: `${ENOSYS}`, forced: `${EACCES}`, gentle: `${ENOENT}`, personality: "0" };

/** A program of 64 bits that asks for its user as one of 32 bits does; its exit status is the errno. */
const askOld = "b8c7000000cd80f7d889c7b8e70000000f05";
const runOld = `my $code = pack "H*", "${askOld}"; open my $f, ">", "/root/old";
  print $f pack("a16 S2 L Q3 L S6 L2 Q6", "\\x7fELF\\2\\1\\1", 2, 62, 1, 0x400078, 64, 0, 0, 64, 56, 1, 0, 0, 0,
    1, 5, 0, 0x400000, 0x400000, 120 + length $code, 120 + length $code, 4096), $code;
  close $f; chmod 0755, "/root/old"; print system("/root/old") >> 8`;

await e2e(
  "a container's processes are refused what LXD's list and one's own say",
  { needs },
  async (drey) => {
    await drey`launch tiny c1`;
    const user = ["--user", "1000", "--group", "1000"];
    assertEquals(await reported(drey), { ...usual, ...filtered });
    assertEquals(await reported(drey, user), { ...usual, ...filtered });
    const hasOld = Deno.build.arch === "x86_64" && await drey`exec c1 -- perl -e ${runOld}` === "0";

    await drey`config set c1 security.syscalls.deny_default=false`;
    assertEquals((await reported(drey))["handle"], `${ENOSYS}`, "what counts is how it was started");
    await drey`restart -f c1`;
    const bare = await reported(drey);
    assertEquals([bare["self Seccomp"], bare["1 Seccomp"], bare["forced"]], ["0", "0", `${ENOENT}`]);

    const rules = "personality errno 1\nsethostname errno 1\nkexec_load errno 1";
    await drey`config set c1 security.syscalls.deny=${rules} security.syscalls.deny_compat=true
    security.syscalls.deny_default=`;
    await drey`restart -f c1`;
    const both = { ...usual, ...filtered, personality: `${EPERM}` };
    assertEquals([await reported(drey), await reported(drey, user)], [both, both]);
    if (hasOld) assertEquals(await drey`exec c1 -- perl -e ${runOld}`, `${ENOSYS}`, "programs of 32 bits");
  },
);

await e2e("a container with a list of what is allowed has nothing else", { needs }, async (drey) => {
  const all = everyCall().filter((name) => name !== "personality" && name !== "umount2");
  const allowed = [...all, "umount2 errno 1", "a_call_of_tomorrow"].join("\n");
  await drey`launch tiny c1 -c ${`security.syscalls.allow=${allowed}`}`;
  const forced = `my $p = "/nowhere"; syscall(${nr.umount2}, $p, 1); print $! + 0`;
  assertEquals(await drey`exec c1 -- perl -e ${forced}`, `${EPERM}`);
  const killed = await drey
    .tries`exec c1 -- perl -e ${`syscall(${nr.personality}, 0xffffffff); print "alive"`}`;
  // SIGSYS
  assertEquals([killed.code, killed.stdout], [128 + 31, ""]);
});

/** Every system call that libseccomp knows here, by name. */
function everyCall(): string[] {
  const lib = Deno.dlopen("libseccomp.so.2", {
    seccomp_arch_native: { parameters: [], result: "u32" },
    seccomp_syscall_resolve_num_arch: { parameters: ["u32", "i32"], result: "pointer" },
  });
  const arch = lib.symbols.seccomp_arch_native();
  const names = Array.from({ length: 600 }, (_, number) => {
    const name = lib.symbols.seccomp_syscall_resolve_num_arch(arch, number);
    return name === null ? [] : [new Deno.UnsafePointerView(name).getCString()];
  }).flat();
  lib.close();
  return names;
}

await e2e(
  "settings about system calls that mean nothing are refused when they are made",
  { needs: [] },
  async (drey) => {
    await using server = await serve(drey);
    const refusals: [setting: string, why: RegExp][] = [
      [
        "security.syscalls.deny=ptrace errno",
        /Invalid value for "security.syscalls.deny": .* in "ptrace errno"/,
      ],
      ["security.syscalls.deny=ptrca errno 1", /Cannot refuse system call "ptrca": libseccomp knows none/],
      ["security.syscalls.deny=ptrace notify", /nobody supervises/],
      ["security.syscalls.deny_compat=perhaps", /expected true or false/],
      ["security.syscalls.intercept.mknod=true", /is not supported: drey has nobody beside a container/],
      ["raw.seccomp=2", /is not supported: drey reads no policies of LXC's/],
    ];
    await drey`init tiny c1`;
    for (const [setting, why] of refusals) {
      const { code, stderr } = await server.tries(["config", "set", "c1", setting]);
      assertEquals(code, 1, setting);
      assertMatch(stderr, why, setting);
    }
    const [unknown, whyNot] = refusals[1]!;
    assertMatch((await server.tries(["profile", "set", "default", unknown])).stderr, whyNot);
    await drey`profile set default security.syscalls.deny=${"ptrace errno 1"}`;
    const { stderr } = await drey.tries`config set c1 security.syscalls.allow read`;
    assertMatch(stderr, /security.syscalls.allow is for itself/);
    const body = JSON.stringify({ config: { "security.syscalls.deny": "nonsense here" } });
    const answer = await drey.tries`query -X PATCH -d ${body} /1.0/instances/c1`;
    assertMatch(answer.stdout + answer.stderr, /Invalid value/);
    await server.lxc("config", "set", "c1", "security.syscalls.blacklist=reject_force_umount");
    assert((await server.lxc("config", "show", "c1")).includes("blacklist: reject_force_umount"));
  },
);
