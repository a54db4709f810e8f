import { assertEquals } from "@std/testing";
import { type PipedChild, type Source, startOnPipes } from "./piped_child.ts";

const start = (script: string) =>
  startOnPipes(["sh", "-c", script], { env: { PATH: "/usr/bin:/bin" }, inherited: [] });

async function lengthOf(source: Source): Promise<number> {
  let length = 0;
  for (let got = await source.read(); got !== undefined; got = await source.read()) length += got.length;
  return length;
}

/** Sends a program more than a pipe holds, and reads it back. */
async function echo({ input, output, errors, ended }: PipedChild): Promise<number[]> {
  const size = 200_000;
  const sent = input.write(new Uint8Array(size)).then(() => input.close());
  const [out, err] = await Promise.all([lengthOf(output), lengthOf(errors), sent]);
  return [out, err, await ended];
}

Deno.test("programs that are talked to at one time do not wait for each other's threads", async () => {
  // more than Deno has threads for
  const children = Array.from({ length: 40 }, () => start("cat; echo err >&2; exit 3"));
  assertEquals(await Promise.all(children.map(echo)), children.map(() => [200_000, 4, 3]));
});

Deno.test("a program whose output nobody reads any more gets SIGPIPE, and another takes its place", async () => {
  for (let turn = 0; turn < 4; turn++) {
    const { input, output, errors, ended } = start(
      `exec perl -e '$SIG{PIPE} = "DEFAULT"; print "y" while 1'`,
    );
    await output.read();
    await Promise.all([output.close(), errors.close(), input.close()]);
    const sigpipe = 13;
    assertEquals(await ended, 128 + sigpipe);
  }
});

Deno.test("output that is cut ends with what was written by then, whoever holds the pipe", async () => {
  const { pid, input, output, errors, ended } = start("sleep 600 & echo $! >&2; seq 1 2000");
  const sleeper = Number(new TextDecoder().decode(await errors.read()));
  try {
    assertEquals(await ended, 0, `${pid}`);
    output.cut?.();
    errors.cut?.();
    const said = [];
    for (let got; (got = await output.read()) !== undefined;) said.push(new TextDecoder().decode(got));
    assertEquals(said.join(""), Array.from({ length: 2000 }, (_, at) => `${at + 1}\n`).join(""));
    assertEquals(await errors.read(), undefined);
    output.cut?.();
    assertEquals(await output.read(), undefined);
    await input.close();
  } finally {
    Deno.kill(sleeper, "SIGKILL");
  }
});
