// SFTP in instances: what its clients need works, whether the instance runs or not, and no link leads out.

import { eventually } from "../support/eventually.ts";
import { assert, assertEquals, assertMatch } from "@std/testing";
import { fromFileUrl, join } from "@std/path";
import { run } from "../../sys/run.ts";
import { type Drey, e2e } from "../support/drey.ts";
import { serve } from "../support/server.ts";
import { connectSftp, type SftpClient } from "../support/sftp.ts";

const needs = ["userns", "subids", "overlay"] as const;
/** what the protocol calls its packets; draft-ietf-secsh-filexfer-02 */
const ask = {
  open: 3,
  close: 4,
  read: 5,
  write: 6,
  lstat: 7,
  fstat: 8,
  setstat: 9,
  opendir: 11,
  readdir: 12,
  remove: 13,
  mkdir: 14,
  realpath: 16,
  stat: 17,
  rename: 18,
  readlink: 19,
  symlink: 20,
  extended: 200,
} as const;
const said = { status: 101, handle: 102, data: 103, name: 104, attributes: 105, extended: 201 } as const;

const socketOf = (drey: Drey) => join(drey.directory, "unix.socket");
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const number = (bytes: Uint8Array, at: number) => new DataView(bytes.buffer).getUint32(at);
/** the code of a status: 0 is success, 1 the end of a file, 2 no such file, 4 a failure */
const codeOf = ({ type, body }: { type: number; body: Uint8Array }) =>
  type === said.status ? number(body, 0) : -1;

async function readWhole(client: SftpClient, path: string): Promise<string> {
  const opened = await client.ask(ask.open, path, 1, 0);
  if (opened.type !== said.handle) return `status ${codeOf(opened)}`;
  const handle = opened.body.slice(4);
  const { type, body } = await client.ask(ask.read, handle, 0n, 65536);
  assertEquals(codeOf(await client.ask(ask.close, handle)), 0);
  return type === said.data ? text(body.slice(4)) : "";
}

await e2e("a client of SFTP does with files all that the protocol has", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  await using _server = await serve(drey);
  using client = await connectSftp(socketOf(drey), "c1");
  assertMatch(await readWhole(client, "/etc/os-release"), /Tiny/);
  assertEquals(await readWhole(client, "etc/passwd"), await drey`exec c1 -- cat /etc/passwd`);
  // written in two pieces, the second first
  const { body } = await client.ask(ask.open, "/root/new", 2 | 8 | 16, 4, 0o640);
  const handle = body.slice(4);
  assertEquals(codeOf(await client.ask(ask.write, handle, 5n, "world")), 0);
  assertEquals(codeOf(await client.ask(ask.write, handle, 0n, "hello")), 0);
  assertEquals(codeOf(await client.ask(ask.extended, "fsync@openssh.com", handle)), 0);
  assertEquals(codeOf(await client.ask(ask.close, handle)), 0);
  assertEquals(codeOf(await client.ask(ask.write, handle, 0n, "late")), 4);
  assertEquals(codeOf(await client.ask(ask.setstat, "/root/new", 2, 1000, 5)), 0);
  assertEquals(codeOf(await client.ask(ask.setstat, "/root/new", 8, 1, 86400)), 0);
  assertEquals(await drey`exec c1 -- stat -c ${"%u %g %a %s %Y"} /root/new`, "1000 5 640 10 86400\n");
  const stat = await client.ask(ask.stat, "/root/new");
  assertEquals([stat.type, number(stat.body, 8), number(stat.body, 12)], [said.attributes, 10, 1000]);
  // names
  assertEquals(codeOf(await client.ask(ask.mkdir, "/root/d", 4, 0o700)), 0);
  assertEquals(codeOf(await client.ask(ask.symlink, "../new", "/root/d/link")), 0);
  assertMatch(text((await client.ask(ask.readlink, "/root/d/link")).body), /\.\.\/new/);
  assertEquals(await readWhole(client, "/root/d/link"), "helloworld");
  assertEquals(codeOf(await client.ask(ask.rename, "/root/new", "/root/d/link")), 4);
  assertEquals(codeOf(await client.ask(ask.extended, "hardlink@openssh.com", "/root/new", "/root/hard")), 0);
  assertEquals(
    codeOf(await client.ask(ask.extended, "posix-rename@openssh.com", "/root/new", "/root/d/link")),
    0,
  );
  assertEquals(await drey`exec c1 -- stat -c ${"%h %F"} /root/d/link`, "2 regular file\n");
  const opened = await client.ask(ask.opendir, "/root/d");
  const names = await client.ask(ask.readdir, opened.body.slice(4));
  assertEquals(names.type, said.name);
  assertMatch(text(names.body), /-rw-r----- +2 1000 +5 +10 Jan +2 +1970 link/);
  assertEquals(codeOf(await client.ask(ask.readdir, opened.body.slice(4))), 1);
  assertEquals(codeOf(await client.ask(ask.remove, "/root/d/link")), 0);
  assertEquals(codeOf(await client.ask(ask.lstat, "/root/d/link")), 2);
  assertMatch(text((await client.ask(ask.realpath, "/root/./d/..")).body), /\/root/);
  assertEquals((await client.ask(ask.extended, "statvfs@openssh.com", "/")).type, said.extended);
  assertEquals(codeOf(await client.ask(ask.extended, "no-such@thing")), 8);
  // a client that opens before it asks what it has opened
  const etc = (await client.ask(ask.open, "/etc", 1, 0)).body.slice(4);
  assertEquals((number((await client.ask(ask.fstat, etc)).body, 20) >> 12) & 0o17, 4, "a directory");
  assertEquals(codeOf(await client.ask(ask.read, etc, 0n, 10)), 4);
  assertEquals(codeOf(await client.ask(ask.close, etc)), 0);
  assertEquals(codeOf(await client.ask(ask.open, "/etc", 3, 0)), 4);
  assertEquals(codeOf(await client.ask(99)), 8);
});

await e2e("no link leads out of an instance over SFTP either", { needs }, async (drey) => {
  const secret = join(drey.directory, "secret");
  await Deno.writeTextFile(secret, "of the host\n");
  await drey`launch tiny c1`;
  await drey`exec c1 -- ln -s ${secret} /root/absolute`;
  await drey`exec c1 -- ln -s ${`../../../../../..${secret}`} /root/relative`;
  await drey`exec c1 -- ln -s / /root/up`;
  await drey`exec c1 -- mknod /root/pipe p`;
  await using _server = await serve(drey);
  for (const state of ["running", "stopped"]) {
    using client = await connectSftp(socketOf(drey), "c1");
    const paths = ["/root/absolute", "/root/relative", `/root/up${secret}`, `/../../../..${secret}`];
    for (const path of [...paths, `..${secret}`]) {
      assertEquals(await readWhole(client, path), "status 2", `${state}: ${path}`);
      await client.ask(ask.open, path, 2 | 8 | 16, 0);
      assertEquals(await Deno.readTextFile(secret), "of the host\n", `${state}: ${path}`);
    }
    for (const path of ["/root/pipe", "/nul\0byte"]) {
      assertEquals(await readWhole(client, path), "status 4", `${state}: ${path}`);
    }
    if (state === "running") await drey`stop -f c1`;
  }
});

await e2e("a session ends with the instance, and never stands in its way", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  await using _server = await serve(drey);
  {
    using client = await connectSftp(socketOf(drey), "c1");
    assertMatch(await readWhole(client, "/etc/os-release"), /Tiny/);
    await drey`stop -f c1`;
    await client.ended;
  }
  using first = await connectSftp(socketOf(drey), "c1");
  using second = await connectSftp(socketOf(drey), "c1");
  assertMatch(await readWhole(first, "/etc/os-release"), /Tiny/);
  // another command about the files does not wait for the sessions
  assertMatch(await drey`file pull c1/etc/os-release -`, /Tiny/);
  await drey`start c1`;
  await Promise.all([first.ended, second.ended]);
  using client = await connectSftp(socketOf(drey), "c1");
  await drey`delete -f c1`;
  await client.ended;
  assertEquals([...Deno.readDirSync(`${drey.directory}/run/files`)], []);
});

await e2e("what is no SFTP is refused, and hurts nobody", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  await using _server = await serve(drey);
  const { createConnection } = await import("node:net");
  const say = (words: string) =>
    new Promise<string>((resolve) => {
      let answer = "";
      const connection = createConnection(socketOf(drey));
      connection.on("data", (bytes) => answer += bytes);
      connection.on("close", () => resolve(answer));
      connection.write(words);
    });
  const path = "/1.0/instances/c1/sftp";
  const close = "Host: x\r\nConnection: close\r\n\r\n";
  assertMatch(await say(`GET ${path} HTTP/1.1\r\n${close}`), /^HTTP\/1\.1 400 [^]*Upgrade: sftp/);
  const websocket = "Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
  assertMatch(await say(`GET ${path} HTTP/1.1\r\n${websocket}`), /^HTTP\/1\.1 400 /);
  const upgrade = "Host: x\r\nUpgrade: sftp\r\nConnection: Upgrade\r\n\r\n";
  assertMatch(await say(`GET /1.0/instances/c2/sftp HTTP/1.1\r\n${upgrade}`), /^HTTP\/1\.1 404 /);
  assertMatch(await say(`GET /1.0/events HTTP/1.1\r\n${upgrade}`), /^HTTP\/1\.1 400 /);
  // nonsense after the upgrade: too long a packet, one that is cut short
  for (const bytes of ["\xff\xff\xff\xff".repeat(20), "\0\0\0\x05\x01\0\0\0\x03\0\0\0\x06\x03\0\0\0\x01\0"]) {
    assertMatch(await say(`GET ${path} HTTP/1.1\r\n${upgrade}${bytes}`), /^HTTP\/1\.1 101 /);
  }
  assertMatch(await drey`list --debug`.then(() => drey`file pull c1/etc/os-release -`), /Tiny/);
});

/** A program for `sftp -D` that carries its streams to the instance, through whichever door the harness has. */
async function bridge(drey: Drey): Promise<string> {
  const program = join(drey.directory, "bridge.ts");
  const client = fromFileUrl(new URL("../../client/connect.ts", import.meta.url));
  await Deno.writeTextFile(
    program,
    `import { connect } from ${JSON.stringify(client)};
     const client = await connect();
     const stream = await client.upgrade("instance.sftp", { params: { name: "c1" } });
     (async () => { for await (const bytes of Deno.stdin.readable) await stream.send(bytes); stream.close(); })();
     for await (const bytes of stream.messages) {
       for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
     }
     Deno.exit(0);`,
  );
  return program;
}

await e2e(
  "OpenSSH's own sftp works with it, in process and on the socket",
  { needs: [...needs, "sftp"] },
  async (drey) => {
    await drey`init tiny c1`;
    const program = await bridge(drey);
    const config = fromFileUrl(new URL("../../deno.json", import.meta.url));
    const bytes = new Uint8Array(3_000_000).map((_, at) => (at * at) >> 8);
    const [there, back] = [join(drey.directory, "there"), join(drey.directory, "back")];
    await Deno.writeFile(there, bytes);
    const batch = [
      `put ${there} /root/big`,
      "chmod 600 /root/big",
      "rename /root/big /root/bigger",
      "mkdir /root/dir",
      "ls -ln /root",
      "df /",
      `get /root/bigger ${back}`,
      "rm /root/bigger",
    ].join("\n");
    const use = () =>
      run(["sftp", "-b", "-", "-D", `${Deno.execPath()} run -A --quiet --config ${config} ${program}`], {
        env: { ...Deno.env.toObject(), ...drey.environment },
        stdin: batch,
      });
    for (const door of ["in process", "socket"]) {
      await using _server = door === "socket" ? await serve(drey) : undefined;
      const { code, stdout, stderr } = await use();
      assertEquals([code, stderr], [0, ""], door);
      assertMatch(stdout, /-rw------- .* 3000000 .*bigger\ndrwxr-xr-x /);
      assert((await Deno.readFile(back)).every((byte, at) => byte === bytes[at]));
      await drey`file delete c1/root/dir`;
    }
  },
);

await e2e(
  "drey and lxc mount an instance's directory with sshfs",
  { needs: [...needs, "sshfs", "lxc"] },
  async (drey) => {
    await drey`launch tiny c1`;
    await using server = await serve(drey);
    const target = join(drey.directory, "mounted");
    await Deno.mkdir(target);
    const ours = () => drey.spawn(["file", "mount", "c1/root", target], { stderr: "null" });
    const lxc = () => server.spawn(["file", "mount", "c1/root", target]);
    for (const start of [ours, lxc]) {
      const child = start();
      await eventually("it is mounted", () => isMounted(target), 50);
      await Deno.writeTextFile(join(target, "file"), "from outside\n");
      await Deno.rename(join(target, "file"), join(target, "renamed"));
      assertEquals(await drey`exec c1 -- cat /root/renamed`, "from outside\n");
      await drey`exec c1 -- sh -c ${"echo inside >/root/other"}`;
      assertEquals(await Deno.readTextFile(join(target, "other")), "inside\n");
      assertEquals([...Deno.readDirSync(target)].map(({ name }) => name).sort(), ["other", "renamed"]);
      await Deno.remove(join(target, "renamed"));
      child.kill("SIGINT");
      await child.status;
      // lxc may kill its sshfs before that has unmounted, and leaves the mount behind
      if (start !== ours && isMounted(target)) await run(["umount", "-l", target]);
      assert(!isMounted(target));
    }
  },
);

const isMounted = (path: string) => Deno.readTextFileSync("/proc/self/mountinfo").includes(` ${path} `);
