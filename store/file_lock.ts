// Exclusive locks between processes: flock(2) on a file. The kernel frees them when the holder dies.

import { join } from "@std/path";

/** Who waits in this process, per lock file: one at a time asks the kernel. */
const queues = new Map<string, Promise<void>>();

/**
 * Waits until nobody holds the lock of this name, then holds it until disposed.
 *
 * @throws the reason of `signal` if it is aborted first
 */
export async function lockFile(
  directory: string,
  name: string,
  options: { signal?: AbortSignal },
): Promise<AsyncDisposable> {
  const path = join(directory, fileNameOf(name));
  options.signal?.throwIfAborted();
  const leaveQueue = await enterQueue(path, options.signal);
  try {
    const file = await takeFile(directory, path, options.signal);
    return {
      [Symbol.asyncDispose]() {
        release(file, path);
        leaveQueue();
        return Promise.resolve();
      },
    };
  } catch (error) {
    leaveQueue();
    throw error;
  }
}

/** Names beyond the file system's limit keep their start and a digest of the whole. */
function fileNameOf(name: string): string {
  const safe = name === "." || name === ".." ? `${name}_` : name;
  if (new TextEncoder().encode(safe).length <= 200) return safe;
  let digest = 5381n;
  for (const character of safe) digest = (digest * 33n + BigInt(character.codePointAt(0) ?? 0)) % (1n << 64n);
  return `${safe.slice(0, 40)}~${digest.toString(16)}`;
}

async function enterQueue(path: string, signal: AbortSignal | undefined): Promise<() => void> {
  const before = queues.get(path);
  const { promise: mine, resolve } = Promise.withResolvers<void>();
  const all = before === undefined ? mine : before.then(() => mine);
  queues.set(path, all);
  const leave = () => {
    resolve();
    if (queues.get(path) === all) queues.delete(path);
  };
  try {
    if (before !== undefined) await orAborted(before, signal);
    return leave;
  } catch (error) {
    leave();
    throw error;
  }
}

/** A lock on a file somebody else has meanwhile removed excludes nobody: look again under the name. */
async function takeFile(
  directory: string,
  path: string,
  signal: AbortSignal | undefined,
): Promise<Deno.FsFile> {
  while (true) {
    const file = await openLockFile(directory, path);
    if (!file.tryLockSync(true)) await waitForLock(file, signal);
    if (isAt(file, path)) return file;
    file.close();
  }
}

async function openLockFile(directory: string, path: string): Promise<Deno.FsFile> {
  const options = { read: true, write: true, create: true, mode: 0o600 };
  try {
    return Deno.openSync(path, options);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
    return Deno.openSync(path, options);
  }
}

async function waitForLock(file: Deno.FsFile, signal: AbortSignal | undefined): Promise<void> {
  const locked = file.lock(true);
  try {
    await orAborted(locked, signal);
  } catch (error) {
    // flock(2) cannot be called off: give the lock back whenever it comes
    locked.then(() => file.close(), () => file.close());
    throw error;
  }
}

function isAt(file: Deno.FsFile, path: string): boolean {
  try {
    return Deno.statSync(path).ino === file.statSync().ino;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The file goes while the lock is still held: whoever waits for it finds it gone and looks again. */
function release(file: Deno.FsFile, path: string): void {
  try {
    // a cleared run-time directory takes its locks along
    if (isAt(file, path)) Deno.removeSync(path);
  } finally {
    file.close();
  }
}

function orAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  if (signal.aborted) abort();
  return promise;
}
