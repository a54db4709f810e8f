// Files of instances: pushed, pulled, edited and deleted, running or not, and never outside of the instance.

import { eventually } from "../support/eventually.ts";
import { assert, assertEquals, assertMatch } from "@std/testing";
import { join } from "@std/path";
import { type Drey, e2e } from "../support/drey.ts";
import { requestBytes, sendBytes } from "../support/raw_http.ts";
import { serve } from "../support/server.ts";
import { onTerminal } from "../support/terminal.ts";

const needs = ["userns", "subids", "overlay"] as const;

/** A small tree on this side: a file, a directory, a link. */
async function makeTree(drey: Drey): Promise<string> {
  const tree = join(drey.directory, "tree");
  await Deno.mkdir(join(tree, "sub"), { recursive: true });
  await Deno.writeTextFile(join(tree, "one"), "one\n");
  await Deno.writeTextFile(join(tree, "sub", "two"), "two\n");
  await Deno.symlink("../one", join(tree, "sub", "link"));
  return tree;
}

await e2e("files go into a running instance and come out again", { needs }, async (drey) => {
  const tree = await makeTree(drey);
  await drey`launch tiny c1`;
  await drey`file push ${join(tree, "one")} c1/root/new --uid 1000 --gid 5 --mode 0640`;
  assertEquals(await drey`exec c1 -- stat -c ${"%u %g %a"} /root/new`, "1000 5 640\n");
  // what cannot be given to whom it is for does not stay
  for (const way of [[join(tree, "one")], ["-r", join(tree, "sub")]]) {
    const { code, stderr } = await drey.tries`file push ${way} c1/tmp/ --uid 4000000000`;
    assertEquals(code, 1);
    assertMatch(stderr, /has no such owner: user 4000000000/);
  }
  assertEquals(await drey`exec c1 -- ls /tmp`, "");
  await drey`file push -r ${tree} c1/srv/deep -p`;
  assertEquals(await drey`exec c1 -- cat /srv/deep/tree/sub/link`, "one\n");
  const out = join(drey.directory, "out");
  await drey`file pull -r c1/srv/deep/tree ${out}`;
  assertEquals(await Deno.readTextFile(join(out, "sub", "two")), "two\n");
  assertEquals(await Deno.readLink(join(out, "sub", "link")), "../one");
  const again = join(drey.directory, "again");
  await Deno.mkdir(again);
  await drey`file pull -r c1/srv/deep/tree ${again}`;
  await drey`file pull -r c1/srv/deep/tree ${again}`;
  // the link that came along must not choose what the next pull writes to
  await drey`exec c1 -- sh -c ${"cd /srv/deep/tree/sub; rm link; echo else >link"}`;
  assertMatch((await drey.tries`file pull -r c1/srv/deep/tree ${again}`).stderr, /link": it is a link/);
  assertEquals(await Deno.readTextFile(join(again, "tree", "one")), "one\n");
  await drey.run(["file", "edit", "c1/root/new"], { stdin: "edited\n" });
  assertEquals(await drey`exec c1 -- cat /root/new`, "edited\n");
  // what is not touched keeps its bytes, whatever its encoding
  const latin = join(drey.directory, "latin");
  await Deno.writeFile(latin, Uint8Array.of(0x63, 0xe9, 0x0a));
  await drey`file push ${latin} c1/root/latin`;
  await onTerminal(drey, ["file", "edit", "c1/root/latin"], { before: "export VISUAL='sed -i s/c/C/'" });
  await drey`file pull c1/root/latin ${latin}`;
  assertEquals(await Deno.readFile(latin), Uint8Array.of(0x43, 0xe9, 0x0a));
  // what exists keeps its owner
  assertEquals(await drey`exec c1 -- stat -c ${"%u %a"} /root/new`, "1000 640\n");
  await drey`file delete c1/root/new`;
  assertEquals((await drey.tries`file pull c1/root/new -`).code, 1);
});

await e2e("files of a stopped instance are the same", { needs }, async (drey) => {
  const tree = await makeTree(drey);
  await drey`init tiny c1`;
  await drey`file push ${join(tree, "one")} c1/root/before`;
  assertMatch(await drey`file pull c1/etc/os-release -`, /Tiny/);
  await drey`start c1`;
  assertEquals(await drey`exec c1 -- cat /root/before`, "one\n");
  await drey`stop -f c1`;
  assertEquals(await drey`file pull c1/root/before -`, "one\n");
});

await e2e("a large file survives the journey", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  const [there, back] = [join(drey.directory, "there"), join(drey.directory, "back")];
  const bytes = new Uint8Array(20_000_000).map((_, at) => (at * at) >> 8);
  await Deno.writeFile(there, bytes);
  await drey`file push ${there} c1/root/big`;
  await drey`file pull c1/root/big ${back}`;
  const digest = async (path: string) =>
    new Uint8Array(await crypto.subtle.digest("SHA-256", await Deno.readFile(path))).toHex();
  assertEquals(await digest(back), await digest(there));
});

await e2e("no path and no link leads out of an instance", { needs }, async (drey) => {
  const secret = join(drey.directory, "secret");
  await Deno.writeTextFile(secret, "of the host\n");
  await drey`launch tiny c1`;
  await drey`exec c1 -- ln -s ${secret} /root/absolute`;
  await drey`exec c1 -- ln -s ${`../../../../../../..${secret}`} /root/relative`;
  await drey`exec c1 -- ln -s / /root/up`;
  const isDenied = async (state: string) => {
    for (const path of [`/root/up${secret}`, `/../../../..${secret}`, `/root/../..${secret}`]) {
      const { code, stdout } = await drey.tries`file pull c1${path} -`;
      assertEquals([code, stdout], [1, ""], `${state}: ${path}`);
    }
    for (const link of ["absolute", "relative"]) {
      await drey.tries`file push ${secret} c1/root/${link}`;
      assertEquals(await Deno.readTextFile(secret), "of the host\n", `${state}: ${link}`);
    }
  };
  await isDenied("running");
  await drey`stop -f c1`;
  await isDenied("stopped");
});

await e2e("pipes and devices hold nobody up", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  await drey`exec c1 -- mknod /root/pipe p`;
  for (const path of ["/root/pipe", "/dev/zero", "/dev/console"]) {
    const { code, stderr } = await drey.run(["file", "pull", `c1${path}`, "-"], { timeout: 120_000 });
    assertEquals(code, 1, path);
    assertMatch(stderr, /neither a file/);
    assertEquals((await drey.run(["file", "edit", `c1${path}`], { stdin: "x", timeout: 120_000 })).code, 1);
  }
});

await e2e("a client that goes away takes its transfer along, and nothing else", { needs }, async (drey) => {
  await drey`launch tiny c1`;
  await using _server = await serve(drey);
  const socket = join(drey.directory, "unix.socket");
  const { createConnection } = await import("node:net");
  for (const method of ["POST", "GET"]) {
    const path = method === "POST" ? "/root/part" : "/dev/../proc/kallsyms";
    const connection = createConnection(socket);
    connection.on("error", () => {}); // the server may say goodbye first
    connection.write(`${method} /1.0/instances/c1/files?path=${path} HTTP/1.1\r\nhost: x\r\n`);
    connection.write(method === "POST" ? "content-length: 1000000\r\n\r\n0123456789" : "\r\n");
    const mode = async () => (await drey.tries`exec c1 -- stat -c %a /root/part`).stdout;
    await eventually("the transfer has begun", async () => await mode() !== "");
    connection.destroy();
    assertMatch(await drey`file pull c1/etc/os-release -`, /Tiny/);
    // what is left of an upload was nobody's to read yet
    assertEquals(await mode(), "600\n");
  }
  assertMatch((await drey.tries`list --debug`).stderr, /\(unix\)/);
});

await e2e("files asked for while an instance starts and ends are its own, or there are none", {
  needs,
}, async (drey) => {
  await using server = await serve(drey);
  await drey`launch tiny c1`;
  const target = "/1.0/instances/c1/files?path=/etc/passwd";
  const request = requestBytes({ method: "GET", target, headers: {} });
  const { body: own } = await sendBytes(server.socket, request);
  const wrong: string[] = [];
  let isOver = false;
  const ask = async () => {
    while (!isOver) {
      const { status, body } = await sendBytes(server.socket, request);
      if (status !== 400 && (status !== 200 || body !== own)) wrong.push(`${status} ${body}`);
    }
  };
  const askers = Promise.all([ask(), ask(), ask()]);
  try {
    for (let round = 0; round < 3; round++) {
      await drey`stop -f c1`;
      await drey`start c1`;
    }
  } finally {
    isOver = true;
  }
  await askers;
  assertEquals(wrong, []);
});

await e2e("lxc pushes, pulls and deletes files", { needs: [...needs, "lxc"] }, async (drey) => {
  const tree = await makeTree(drey);
  await drey`launch tiny c1`;
  await using server = await serve(drey);
  for (const state of ["running", "stopped"]) {
    await server.lxc("file", "push", "-q", "-r", tree, "c1/root/");
    assertEquals(await server.lxc("file", "pull", "c1/root/tree/sub/two", "-"), "two\n", state);
    const out = join(drey.directory, state);
    await Deno.mkdir(out);
    await server.lxc("file", "pull", "-q", "-r", "c1/root/tree", out);
    assertEquals(await Deno.readTextFile(join(out, "tree", "one")), "one\n");
    await server.lxc("file", "delete", "c1/root/tree/one");
    assert((await server.tries(["file", "pull", "c1/root/tree/one", "-"])).code !== 0);
    if (state === "running") await drey`stop -f c1`;
  }
  const theirs = await server.tries(["query", "/internal/instances/c1/tree?path=/root&pipe=1"]);
  assertMatch(theirs.stderr, /for callers in the same process/);
});

await e2e("whole trees go in one stream, with odd names, owners and modes, and overwrite what is there", {
  needs,
}, async (drey) => {
  const tree = await makeTree(drey);
  const odd = join(tree, "sub", "tab\tline\n100% é");
  await Deno.writeTextFile(odd, "odd\n");
  await Deno.writeFile(join(tree, "large"), new Uint8Array(3_000_000).fill(7));
  await Deno.mkdir(join(tree, "closed"));
  await Deno.writeTextFile(join(tree, "closed", "file"), "in\n");
  await Deno.chmod(join(tree, "one"), 0o640);
  await drey`launch tiny c1`;
  await drey`file push -r ${tree} c1/root/ --uid 1000 --gid 5`;
  assertEquals(await drey`exec c1 -- stat -c ${"%u %g %a"} /root/tree/one`, "1000 5 640\n");
  await Deno.writeTextFile(join(tree, "one"), "two\n");
  await drey`exec c1 -- sh -c ${"chmod 600 /root/tree/one; chmod 500 /root/tree/closed"}`;
  await drey`file push -r ${tree} c1/root/`;
  assertEquals(await drey`exec c1 -- stat -c ${"%u %g %a %s"} /root/tree/one`, "1000 5 600 4\n");
  const out = join(drey.directory, "out");
  await drey`file pull -r c1/root/tree ${out}`;
  assertEquals(await Deno.readTextFile(join(out, "sub", "tab\tline\n100% é")), "odd\n");
  assertEquals((await Deno.stat(join(out, "large"))).size, 3_000_000);
  assertEquals((await Deno.stat(join(out, "closed"))).mode! & 0o777, 0o500);
  await Deno.chmod(join(out, "closed"), 0o700);
  await drey`exec c1 -- sh -c ${"mkdir -p /deep/tree; ln -s /etc /deep/tree/sub"}`;
  const { code, stderr } = await drey.tries`file push -r ${tree} c1/none/`;
  assertEquals(code, 1);
  assertMatch(stderr, /none|No such file/i);
  await new Deno.Command("mkfifo", { args: [join(tree, "sub", "pipe")] }).output();
  assertMatch(
    (await drey.tries`file push -r ${tree} c1/root/`).stderr,
    /sub\/pipe".*neither file nor directory/,
  );
  await Deno.remove(join(tree, "sub", "pipe"));
  await drey`stop -f c1`;
  await drey`file push -r ${tree} c1/srv2/ -p`;
  await drey`start c1`;
  assertEquals(await drey`exec c1 -- cat /srv2/tree/closed/file`, "in\n");
});

await e2e("what is no tree is refused", { needs }, async (drey) => {
  await using server = await serve(drey);
  await drey`init tiny c1`;
  const bodies = [
    "",
    "nonsense",
    "nonsense\n",
    "file\t420\t0\t0\t1000\tcut\t\nshort",
    "file\tx\t0\t0\t0\tname\t\nend\t0\t0\t0\t0\t\t\n",
    "device\t420\t0\t0\t0\tname\t\n",
    "file\t420\t0\t0\t0\t../../name\t\n",
    "y".repeat(100_000),
  ];
  for (const body of bodies) {
    const target = "/internal/instances/c1/tree?path=/root";
    const bytes = new TextEncoder().encode(body);
    const answer = await sendBytes(
      server.socket,
      requestBytes({ method: "POST", target, headers: {}, body: bytes }),
    );
    assertEquals(answer.status, 400, `${body.slice(0, 40)}: ${answer.body}`);
    assertMatch(answer.body, /The tree (ends|has)/);
  }
});

await e2e(
  "a tree that is on its way when the instance ends is not written any further",
  { needs },
  async (drey) => {
    await using server = await serve(drey);
    await drey`launch tiny c1`;
    const { request } = await import("node:http");
    const path = "/internal/instances/c1/tree?path=/root/tree";
    const sending = request({ socketPath: server.socket, method: "POST", path });
    const { promise: answered, resolve, reject } = Promise.withResolvers<string>();
    sending.on("error", reject).on("response", (response: AsyncIterable<Uint8Array>) => {
      Array.fromAsync(response).then(
        (parts) => resolve(parts.map((part) => new TextDecoder().decode(part)).join("")),
        reject,
      );
    });
    sending.write("directory\t493\t0\t0\t0\t\t\nfile\t420\t0\t0\t2\tfirst\t\na\n");
    await eventually(
      "its beginning has come",
      async () => (await drey.tries`exec c1 -- cat /root/tree/first`).stdout === "a\n",
    );
    await drey`stop --force c1`;
    sending.end("file\t420\t0\t0\t2\tsecond\t\nb\nend\t0\t0\t0\t0\t\t\n");
    assertMatch(await answered, /stopped while its files were used/);
    assertEquals(await drey`file pull c1/root/tree/first -`, "a\n");
    assertEquals((await drey.tries`file pull c1/root/tree/second -`).code, 1);
  },
);

await e2e(
  "an instance made empty takes files, and is published with them",
  { needs, images: [] },
  async (drey) => {
    await drey`init c1 --empty`;
    assertMatch((await drey.tries`start c1`).stderr, /neither \/sbin\/init nor \/bin\/sh/);
    await drey.run(["file", "push", "-", "c1/word"], { stdin: "kept\n" });
    assertEquals(await drey`file pull c1/word -`, "kept\n");
    await drey`publish c1 --alias filled`;
    assertEquals(JSON.parse(await drey`image list filled --format json`)[0].type, "container");
  },
);
