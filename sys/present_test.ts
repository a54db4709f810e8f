import { assertEquals, assertThrows } from "@std/testing";
import { endedMeanwhile, namesIn, readIfThere } from "./present.ts";

Deno.test("what is not there is nothing, and no other failure is", () => {
  const directory = Deno.makeTempDirSync();
  assertEquals(readIfThere(`${directory}/absent`), undefined);
  assertEquals(namesIn(`${directory}/absent`), []);
  assertThrows(() => readIfThere(directory));
  Deno.removeSync(directory);
});

Deno.test("a process that ends while it is read is gone", async () => {
  const child = new Deno.Command("sleep", { args: ["100"] }).spawn();
  const path = `/proc/${child.pid}/stat`;
  using file = Deno.openSync(path);
  child.kill("SIGKILL");
  await child.status;
  const error = assertThrows(() => file.readSync(new Uint8Array(10)));
  assertEquals(endedMeanwhile(error, path), true);
  assertEquals(endedMeanwhile(error, "/etc/passwd"), false);
});

Deno.test("an attribute that an interface does not have is nothing", () => {
  // the loopback device has no speed: EINVAL, as any attribute gives while its interface is removed
  assertEquals(readIfThere("/sys/class/net/lo/speed"), undefined);
});

Deno.test("only what the kernel tells of can end while it is read", () => {
  const readOnly = new Error("Read-only file system (os error 30)");
  const invalid = new TypeError("Invalid argument (os error 22): readfile");
  assertEquals(endedMeanwhile(readOnly, "/proc/1/stat"), false);
  assertEquals(endedMeanwhile(invalid, "/home/me/file"), false);
  assertEquals(endedMeanwhile(new Error("No such device (os error 19)"), "/sys/fs/cgroup/a/cpu.stat"), true);
});
