import { assertEquals } from "@std/testing";
import { shownConfig } from "./shown_config.ts";

const map = '[{"Isuid":true,"Isgid":true,"Hostid":100000,"Nsid":0,"Maprange":65536}]';

Deno.test("a container is shown with every word on ids that LXD keeps of one, whether it ran or not", () => {
  const fresh = shownConfig({ type: "container", config: { "user.a": "b" } });
  assertEquals(fresh, {
    "user.a": "b",
    "volatile.idmap.base": "0",
    "volatile.idmap.current": "[]",
    "volatile.last_state.idmap": "[]",
  });
  const stopped = shownConfig({ type: "container", config: { "volatile.last_state.idmap": map } });
  assertEquals(stopped, {
    "volatile.idmap.base": "0",
    "volatile.idmap.current": map,
    "volatile.idmap.next": map,
    "volatile.last_state.idmap": "[]",
  });
});

Deno.test("a virtual machine has none of them", () => {
  const config = { "volatile.last_state.idmap": map };
  assertEquals(shownConfig({ type: "virtual-machine", config }), config);
});
