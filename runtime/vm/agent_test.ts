import { assertEquals } from "@std/testing";
import { callNumbers } from "../call_numbers.ts";
import { agent } from "./agent.pl.ts";
import { frames } from "./frames.pl.ts";

const { setsid, close_range } = callNumbers(Deno.build.arch);

/** An agent without a machine, and somebody who asks it for the output of a command and reads slowly. */
const both = String.raw`
package main;
${frames}
my ($agent_out, $agent_in, $size, $status, $held, $begun) = ('', '', 0, '', 0, 0);
socketpair my $serial, my $port, 1, 1, 0 or die;
my $pid = fork;
if (!$pid) { close $serial; Agent::run($port); exit 0 }
close $port;
set_nonblocking($serial);
my $rests = 0;
until ($status ne '') {
  my ($reads, $writes) = ('', '');
  vec($reads, fileno $serial, 1) = 1;
  vec($writes, fileno $serial, 1) = 1 if length $agent_out;
  if (!select $reads, $writes, undef, 0.7) {
    die "nothing comes\n" if ++$rests > 20;
    # now he reads on
    if ($held) { $agent_out .= frame(1, 'credit', pack 'CN', 1, $held); $held = 0 }
    next;
  }
  my $n = sysread $serial, my $bytes, 65536;
  $agent_in .= $bytes if $n;
  $agent_in =~ s/^\0+// if !$begun;
  while (my ($channel, $kind, $payload) = take_frame(\$agent_in)) {
    if ($kind == $kind{hello}) {
      $agent_out = "welcome $payload\n" . frame(1, 'open', pack '(N/a*)*', 'pipes', "PATH\0/usr/bin", $ARGV[0]);
      $begun = 1;
    }
    elsif ($kind == $kind{data}) { $size += length($payload) - 1; $held += length($payload) - 1 }
    elsif ($kind == $kind{exit}) { $status = unpack 'N', $payload }
  }
  push_out($serial, \$agent_out);
}
print "$status $size\n";
kill 9, $pid;
`;

async function outcome(command: string): Promise<string> {
  const program =
    `{ package Agent; my %vm_call = (setsid => ${setsid}, close_range => ${close_range});\n${agent}\n` +
    `sub power { exit 7 } sub run { serve_agent($_[0]) } }\n${both}`;
  const { stdout, stderr } = await new Deno.Command("/usr/bin/perl", { args: ["-e", program, command] })
    .output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

Deno.test("all that a command has written comes before its end, however slowly it is read", async () => {
  // more than may be under way, and the rest fits into a pipe
  assertEquals(await outcome("print 'x' x 300_000; exit 3"), "3 300000\n");
});

Deno.test("a command ends though one that it left behind keeps its output open", async () => {
  assertEquals(await outcome("print 'x' x 1000; if (!fork) { sleep 60 } exit 4"), "4 1000\n");
});
