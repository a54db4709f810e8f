import { assertEquals } from "@std/testing";
import { agentErrands, keeperErrands } from "./errands.pl.ts";
import { frames } from "./frames.pl.ts";

/** Both ends in one program, with a pipe of frames between them, so that no machine is needed. */
const both = String.raw`
use strict;
package Ends;
my $size = 1_000_000;
# AF_UNIX, SOCK_STREAM
socketpair my $asker, my $taken, 1, 1, 0 or die;
socketpair my $server, my $led, 1, 1, 0 or die;
my $channel = 0x80000000;
Agent::add_errand($channel, $taken);
Keeper::add_errand($channel, $led);
Agent::set_nonblocking($_) for $asker, $server;
my ($asked, $heard, $answer, $most, $rest) = ('x' x $size, '', '', 0, '');
for (my $turn = 0; $turn < 20000; $turn++) {
  Agent::push_out($asker, \$asked) if length $asked;
  shutdown $asker, 1 if $asked eq '' and !$rest++;
  # the server reads little at a time, and answers when it has heard all
  my $n = sysread $server, my $bytes, 20000;
  $heard .= $bytes if $n;
  if (defined $n and !$n and $answer eq '') { $answer = length $heard; syswrite $server, $answer; shutdown $server, 1 }
  my $all = '';
  vec($all, $_, 1) = 1 for 0 .. 60;
  Agent::step_errands($all); Keeper::step_errands($all);
  $most = length $Agent::sent if length $Agent::sent > $most;
  my ($up, $down) = ($Agent::sent, $Keeper::sent);
  ($Agent::sent, $Keeper::sent) = ('', '');
  while (my @frame = Agent::take_frame(\$up)) { Keeper::errand_takes(@frame) }
  while (my @frame = Agent::take_frame(\$down)) { Agent::errand_takes(@frame) }
  if (!Agent::count() and !Keeper::count()) { last }
}
sysread $asker, my $told, 100;
print "$told ", Agent::count(), Keeper::count(), " ", $most < 400_000 ? "held" : "flooded", "\n";
`;

/** One of the ends, which keeps what it sends. */
const end = (name: string, part: string) =>
  `{ package ${name}; our $sent = ''; ${frames}\nmy ($out, $agent_out, $has_errands);\nsub send_out { $sent .= frame(@_) }\n${part}\n` +
  `no warnings 'redefine'; sub errand_says { $sent .= frame(@_) } sub count { return scalar keys %errand } }\n`;

Deno.test("a question from a guest goes to its end and is answered, with no more under way than is allowed", async () => {
  const program = end("Agent", agentErrands) + end("Keeper", keeperErrands) + both;
  const { code, stdout, stderr } = await new Deno.Command("/usr/bin/perl", { args: ["-e", program] })
    .output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assertEquals([code, text(stdout), text(stderr)], [0, "1000000 00 held\n", ""]);
});
