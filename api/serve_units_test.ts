import { assertEquals, assertMatch } from "@std/testing";
import { planUnits } from "./serve_units.ts";

const plan = {
  isRoot: false,
  program: ["/usr/bin/deno", "run", "-A", "/home/u/my files/cli.ts"],
  socket: "/home/u/50%/unix.socket",
  idle: 300,
  environment: { DREY_DIR: "/home/u/50%" },
};

Deno.test("the units of a user start the server for the user alone, when somebody connects", () => {
  const { "drey.socket": socket, "drey.service": service } = planUnits(plan);
  assertMatch(socket, /^ListenStream=\/home\/u\/50%%\/unix\.socket$/m);
  assertMatch(socket, /^SocketMode=0600$/m);
  assertMatch(
    service,
    /^ExecStart=\/usr\/bin\/deno run --v8-flags=--optimize-for-size -A "\/home\/u\/my files\/cli\.ts" serve --idle 300$/m,
  );
  assertMatch(service, /^Environment=DREY_DIR=\/home\/u\/50%%$/m);
  assertMatch(service, /^WantedBy=default\.target$/m);
  // what was started through the server stays when it ends
  assertMatch(service, /^KillMode=process$/m);
});

Deno.test("the units of root can let in a group", () => {
  const units = planUnits({ ...plan, isRoot: true, group: "lxd", socket: "/run/drey/unix.socket" });
  assertMatch(units["drey.socket"], /^SocketMode=0660\nSocketGroup=lxd$/m);
  assertMatch(units["drey.service"], / --group lxd$/m);
  assertMatch(units["drey.service"], /^WantedBy=multi-user\.target$/m);
});

Deno.test("words that mean something to systemd are written so that they do not", () => {
  const { "drey.service": service } = planUnits({ ...plan, program: ["/bin/a$b", 'c"d\\', "100%"] });
  const line = /^ExecStart=(.*)$/m.exec(service)?.[1] ?? "";
  assertEquals(line, '/bin/a$$b "c\\"d\\\\" 100%% serve --idle 300');
});
