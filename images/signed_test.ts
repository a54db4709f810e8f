import { assertEquals, assertRejects } from "@std/testing";
import { DreyError } from "../errors.ts";
import { run, runChecked } from "../sys/run.ts";
import { readSigned } from "./signed.ts";

const hasGpg = (await run(["sh", "-c", "command -v gpg && command -v gpgv"])).code === 0;

Deno.test({
  name: `an index counts only as its owner signed it${hasGpg ? "" : " (needs gpg and gpgv)"}`,
  ignore: !hasGpg,
  fn: async () => {
    const dir = await Deno.makeTempDir();
    const script = `export GNUPGHOME=$PWD/gpg; mkdir -m 700 gpg
      gpg --batch --quiet --passphrase '' --quick-gen-key test@example.org default default never
      gpg --batch --quiet --export >keyring.gpg
      printf '{"index": {}}\\n' >index.json
      gpg --batch --quiet --clearsign --output index.sjson index.json
      gpgconf --kill all`;
    await runChecked(["sh", "-euc", script], { cwd: dir });
    const files = new Map([["/index.sjson", await Deno.readTextFile(`${dir}/index.sjson`)]]);
    await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, ({ url }) => {
      const text = files.get(new URL(url).pathname);
      return new Response(text ?? "", { status: text === undefined ? 404 : 200 });
    });
    const url = `http://127.0.0.1:${server.addr.port}/index.json`;
    assertEquals(await readSigned(url), undefined, "nobody's keyring is here");
    Deno.env.set("DREY_IMAGE_KEYRING", `${dir}/keyring.gpg`);
    try {
      assertEquals(JSON.parse(await readSigned(url) ?? ""), { index: {} });
      files.set("/index.sjson", files.get("/index.sjson")!.replace("index", "outdex"));
      await assertRejects(() => readSigned(url), DreyError, "Cannot trust");
      files.clear();
      await assertRejects(() => readSigned(url), DreyError, "there is no signature");
    } finally {
      Deno.env.delete("DREY_IMAGE_KEYRING");
      await Deno.remove(dir, { recursive: true });
    }
  },
});
