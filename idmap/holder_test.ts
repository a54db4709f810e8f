import { assertEquals } from "@std/testing";
import { openMappedRoot } from "./holder.ts";
import { readLayout } from "./ranges.ts";

const uid = Deno.uid() ?? 0;
const layout = await readLayout({ uid, gid: Deno.gid() ?? 0, name: Deno.env.get("USER") ?? "" });

Deno.test({
  name: "openMappedRoot() runs programs one after the other and side by side, and tells all they said",
  ignore: layout.parent === undefined || layout.kind === "single",
  async fn() {
    await using root = await openMappedRoot(layout.parent!);
    assertEquals(await root.run(["id", "-u"]), { code: 0, stdout: "0\n", stderr: "" });
    const failing = ["sh", "-c", "echo out; echo err >&2; exit 3"];
    assertEquals(await root.run(failing), { code: 3, stdout: "out\n", stderr: "err\n" });
    const many = await root.run(["seq", "100000"]);
    assertEquals(many.stdout.length, 588_895);
    const both = await Promise.all([root.run(["echo", "a b", ""]), root.run(["echo", "é"])]);
    assertEquals(both.map(({ stdout }) => stdout), ["a b \n", "é\n"]);
    assertEquals((await root.run(["sh", "-c", "kill -9 $$"])).code, 137);
    assertEquals((await root.run(["no-such-program"])).code, 127);
  },
});
