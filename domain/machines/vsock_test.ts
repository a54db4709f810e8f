import { assert, assertEquals } from "@std/testing";
import { chooseVsockId, wantedIds } from "./vsock.ts";

const config = { "volatile.uuid": "9c4b5d2e-9b1c-4b4f-8d5a-1f0e6a7b8c9d" };

Deno.test("a machine wants the vsock number it had, then others that no other machine wants", () => {
  const wanted = wantedIds(config);
  assert(wanted.every((cid) => Number.isInteger(cid) && cid > 2 && cid < 2 ** 31), wanted.join());
  assertEquals(new Set(wanted).size, wanted.length);
  assertEquals(wantedIds({ ...config, "volatile.vsock_id": "77" }), [77, ...wanted]);
  assertEquals(wantedIds({ ...config, "volatile.vsock_id": "2" }), wanted);
  assert(!wanted.includes(wantedIds({ "volatile.uuid": "another" })[0] ?? 0));
});

Deno.test("a vsock number that somebody else has is passed over, and there may be none", () => {
  const [first, second] = wantedIds(config);
  assertEquals(chooseVsockId(config, () => true), first);
  assertEquals(chooseVsockId(config, (cid) => cid !== first), second);
  assertEquals(chooseVsockId(config, () => false), undefined);
  let asked = 0;
  assertEquals(chooseVsockId(config, () => void asked++), undefined);
  assertEquals(asked, 1);
});
