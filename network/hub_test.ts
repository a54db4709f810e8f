import { assertEquals, assertRejects } from "@std/testing";
import { join } from "@std/path";
import { DreyError } from "../errors.ts";
import { closeFd, makePipe, withStdin } from "../sys/descriptors.ts";
import { tryLockFile } from "../sys/locks.ts";
import { exists } from "../sys/present.ts";
import { endHub, reviveHub } from "./hub.ts";

Deno.test("a hub whose files were being removed is not revived", async () => {
  const directory = await Deno.makeTempDir();
  makePipe(join(directory, "control"));
  await Deno.writeTextFile(join(directory, "holder.pid"), "0\n");
  assertEquals(await reviveHub(directory, undefined), false);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("what is left of a hub that went with its host takes no other processes along", async () => {
  const directory = await Deno.makeTempDir();
  const other = new Deno.Command("sleep", { args: ["60"], detached: true }).spawn();
  await Deno.writeTextFile(join(directory, "holder.pid"), `${other.pid}\n`);
  await Deno.writeTextFile(join(directory, "holder.start"), "1\n");
  await endHub(directory);
  other.kill("SIGTERM");
  assertEquals((await other.status).signal, "SIGTERM");
});

Deno.test("a holder that does not say yet who it is gets its end, not a second one beside it", async () => {
  const directory = await Deno.makeTempDir();
  const holder = holdLock(
    directory,
    `sleep 0.2; read -r stat <"/proc/$$/stat"; set -- $stat; echo "\${22}" >holder.start; echo $$ >holder.pid`,
  );
  await endHub(directory);
  assertEquals((await holder.status).signal, "SIGKILL");
  assertEquals(exists(directory), false);
});

Deno.test("the hub of an older drey, which did not note when its holder began, is ended", async () => {
  const directory = await Deno.makeTempDir();
  const holder = holdLock(directory, "echo $$ >holder.pid");
  await endHub(directory);
  assertEquals((await holder.status).signal, "SIGKILL");
});

Deno.test("the files of a holder that nobody can name are left to it", async () => {
  const directory = await Deno.makeTempDir();
  const holder = holdLock(directory, ":");
  const error = await assertRejects(() => endHub(directory), DreyError, "no file says which");
  assertEquals(error.code, "CONFLICT");
  holder.kill("SIGKILL");
  await holder.status;
  await endHub(directory);
  assertEquals(exists(directory), false);
});

/** A process that leads a group and holds the lock of a hub, after it has run a line of sh. */
function holdLock(directory: string, line: string): Deno.ChildProcess {
  const lock = tryLockFile(join(directory, "lock"));
  if (lock === undefined) throw new Error("the lock is taken");
  const script = `cd "$1"; ${line}; exec sleep 60`;
  const child = withStdin(
    lock,
    () =>
      new Deno.Command("setsid", { args: ["sh", "-c", script, "sh", directory], stdin: "inherit" }).spawn(),
  );
  closeFd(lock);
  return child;
}
