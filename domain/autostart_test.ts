import { assertEquals } from "@std/testing";
import { startOrder } from "./autostart.ts";

Deno.test("startOrder() takes those that are to start, and those that ran; the urgent first, then by name", () => {
  const one = (name: string, config: Record<string, string>) => ({
    ref: { project: "default", name },
    config,
  });
  const ran = { "volatile.last_state.power": "RUNNING" };
  const all = [
    one("stopped", { "volatile.last_state.power": "STOPPED" }),
    one("ran", ran),
    one("never", { ...ran, "boot.autostart": "false" }),
    one("first", { "boot.autostart": "true", "boot.autostart.priority": "5" }),
    one("last", { "boot.autostart": "true", "boot.autostart.priority": "-1" }),
    one("also", { ...ran, "boot.autostart": "yes" }),
  ];
  assertEquals(startOrder(all).map(({ ref }) => ref.name), ["first", "also", "ran", "last"]);
});
