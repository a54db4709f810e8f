import { assertEquals, assertRejects } from "@std/testing";
import { fromFileUrl, join } from "@std/path";
import { DreyError } from "../errors.ts";
import { closeFd, makePipe, withStdin } from "../sys/descriptors.ts";
import { tryLockFile } from "../sys/locks.ts";
import { exists, readIfThere } from "../sys/present.ts";
import { eventually } from "../tests/support/eventually.ts";
import { endHub, isHubAlive, isHubSound, reviveHub, startHub } from "./hub.ts";

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

Deno.test("what a reviver that is killed leaves, the next one ends and goes on with", async () => {
  const directory = await Deno.makeTempDir();
  // the start of a holder keeps no program alive
  const awake = setInterval(() => {}, 1000);
  const service = { name: "nap", argv: ["sleep", "61"], isInside: false };
  await startHub({ directory, enter: undefined, setup: "", services: [service], cgroup: undefined });
  const pidOf = (file: string) => Number(readIfThere(join(directory, file)));
  const isNapping = (pid: number) => readIfThere(`/proc/${pid}/cmdline`)?.startsWith("sleep") === true;
  await eventually("the service runs", () => isNapping(pidOf("services/nap.pid")));
  const [holder, nap] = [pidOf("holder.pid"), pidOf("services/nap.pid")];
  Deno.kill(holder, "SIGKILL");
  await eventually("the holder is gone", () => !isHubSound(directory));
  // the new holder waits for somebody to read this before it says who it is
  const cgroup = join(directory, "cgroup");
  await Deno.mkdir(cgroup);
  makePipe(join(cgroup, "cgroup.procs"));
  const module = JSON.stringify(new URL("./hub.ts", import.meta.url).href);
  const config = fromFileUrl(new URL("../deno.json", import.meta.url));
  const program = `import { reviveHub } from ${module}; setInterval(() => {}, 1000); await reviveHub(${
    JSON.stringify(directory)
  }, ${JSON.stringify(cgroup)});`;
  const args = ["eval", "--quiet", "--ext=js", `--config=${config}`, program];
  const reviver = new Deno.Command(Deno.execPath(), { args }).spawn();
  await eventually("there is another holder", () => isHubAlive(directory));
  reviver.kill("SIGKILL");
  await reviver.status;
  await Deno.readTextFile(join(cgroup, "cgroup.procs"));
  await eventually("the holder says who it is", () => pidOf("holder.pid") !== holder);
  assertEquals([isHubSound(directory), isNapping(nap)], [false, true]);
  assertEquals(await reviveHub(directory, undefined), true);
  await eventually(
    "the service is another",
    () => !isNapping(nap) && pidOf("services/nap.pid") !== nap && isNapping(pidOf("services/nap.pid")),
  );
  assertEquals(isHubSound(directory), true);
  const last = pidOf("services/nap.pid");
  await endHub(directory);
  assertEquals(isNapping(last), false);
  clearInterval(awake);
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
