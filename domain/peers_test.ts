import { createServer, type Socket } from "node:net";
import { assertEquals } from "@std/testing";
import { admit, groupId, isAdmitted } from "./peers.ts";

const peer = (uid: number, gid = uid) => ({ pid: 1, uid, gid });

Deno.test("isAdmitted() lets in the user and root, and a group only if told", () => {
  assertEquals(isAdmitted(peer(1000), [], { uid: 1000 }), true);
  assertEquals(isAdmitted(peer(0), [], { uid: 1000 }), true);
  assertEquals(isAdmitted(peer(1001), [], { uid: 1000 }), false);
  assertEquals(isAdmitted(peer(1001, 1000), [1000], { uid: 1000 }), false);
  assertEquals(isAdmitted(peer(1001), [50, 60], { uid: 1000, gid: 60 }), true);
  assertEquals(isAdmitted(peer(1001, 60), [], { uid: 1000, gid: 60 }), true);
  assertEquals(isAdmitted(peer(1001), [50], { uid: 1000, gid: 60 }), false);
});

Deno.test("groupId() knows groups by name and by number", () => {
  assertEquals([groupId("root"), groupId("1234"), groupId("no-such-group")], [0, 1234, undefined]);
});

Deno.test("admit() asks the kernel who is at the other end of a socket of node:net", async () => {
  const directory = await Deno.makeTempDir({ prefix: "drey-peer-" });
  const server = createServer();
  try {
    const connected = Promise.withResolvers<Socket>();
    server.on("connection", connected.resolve);
    await new Promise<void>((resolve) => server.listen(`${directory}/s`, resolve));
    using _client = await Deno.connect({ transport: "unix", path: `${directory}/s` });
    const socket = await connected.promise;
    const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
    const uid = Deno.uid() ?? -1;
    const found = admit(fd, { uid });
    assertEquals([found?.uid, found?.gid, found?.pid], [uid, Deno.gid(), Deno.pid]);
    // root is let in by everybody; anybody else only by themselves
    assertEquals(admit(fd, { uid: uid + 1 }) !== undefined, uid === 0);
    socket.destroy();
  } finally {
    server.close();
    await Deno.remove(directory, { recursive: true });
  }
});
