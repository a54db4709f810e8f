// The way from the serial port to vsock, without a machine: sockets of the unix domain stand for both, whose addresses
// are as long and as free of form.

import { assertEquals } from "@std/testing";
import { callNumbers } from "../call_numbers.ts";
import { agent } from "./agent.pl.ts";
import { frames } from "./frames.pl.ts";
import type { Machine } from "./machine.ts";
import { keeperVsock } from "./vsock.pl.ts";
import { vsockLines } from "./vsock.ts";

const asUnix = (text: string) =>
  text.replaceAll("'S S L L L', 40", "'S S L L L', 1").replaceAll("40, 1, 0", "1, 1, 0");

const { setsid, close_range } = callNumbers(Deno.build.arch);

const inGuest = (port: string) =>
  `{ package Agent; my %vm_call = (setsid => ${setsid}, close_range => ${close_range});\n${asUnix(agent)}\n` +
  `sub power { exit 7 } sub run { serve_agent(${port}) } }\n`;

/** As much of a keeper as has one command under way: it hears 600 kB, and tells what came by which way. */
const onHost = String.raw`
package main;
${frames}
my ($agent_out, $agent_in, $text, $by_serial) = ('', '', '', 0);
my $command = 'print "x" x 100, "\n" for 1 .. 6000';
my %vsock = (cid => 0xffffffff, number => $$);
sub order { }
${asUnix(keeperVsock)}
socketpair my $serial, my $port, 1, 1, 0 or die;
socket $vsock{listener}, 1, 1, 0 or die;
bind $vsock{listener}, vsock_address(2, $$) and listen $vsock{listener}, 4 or die;
my $pid = fork;
if (!$pid) { close $serial; Agent::run($port); exit 0 }
close $port;
set_nonblocking($_) for $serial, $vsock{listener};
# who shows another secret, or comes from anybody's port, is left alone
my @strangers = map {
  socket my $stranger, 1, 1, 0;
  for my $own (@$_) { last if bind $stranger, vsock_address(0xffffffff, $own) }
  connect $stranger, vsock_address(2, $$) or die;
  syswrite $stranger, ('f' x 32) . "\n";
  $stranger;
} [1 .. 20], [1024 + $$];
my ($status, $begun, $tries) = ('', 0, 0);
until ($status ne '') {
  die "nothing comes\n" if $tries > 60;
  my ($reads, $writes) = ('', '');
  my $way = $hears_fast ? $fast : undef;
  vec($reads, fileno $_, 1) = 1 for grep { $_ } $serial, $way, @vsock{qw(listener new)};
  vec($writes, fileno($way || $serial), 1) = 1 if length $agent_out;
  vec($writes, fileno $serial, 1) = 1 if length $serial_rest;
  $tries++ if !select $reads, $writes, undef, 1;
  for my $from (grep { $_ } $way, $serial) {
    next if !vec($reads, fileno $from, 1);
    my $n = sysread $from, my $bytes, 5000;
    die "the agent has ended\n" if defined $n and !$n;
    $agent_in .= $bytes if $n;
    $agent_in =~ s/^\0+// if !$begun;
    while (my ($channel, $kind, $payload) = take_frame(\$agent_in)) {
      if ($kind == $kind{hello}) {
        $agent_out = "welcome $payload\n";
        offer_vsock() if $payload =~ /-vsock$/;
        $agent_out .= frame(1, 'open', pack '(N/a*)*', 'pipes', "PATH\0/usr/bin", $command);
        $begun = 1;
      }
      elsif ($kind == $kind{lead}) { move_to_vsock() }
      elsif ($kind == $kind{data}) {
        $text .= substr $payload, 1;
        $by_serial += length($payload) - 1 if $from == $serial;
        # it waits in the middle until the way has changed
        $agent_out .= frame(1, 'credit', pack 'CN', 1, length($payload) - 1) if $way or $by_serial < 5000;
      }
      elsif ($kind == $kind{exit}) { $status = unpack 'N', $payload }
    }
  }
  hear_vsock($reads);
  push_out($serial, \$serial_rest);
  push_out($hears_fast ? $fast : $serial, \$agent_out);
}
print $status, ' ', $text eq ("x" x 100 . "\n") x 6000 ? 'whole' : 'torn', ' ', $by_serial < 300_000 ? 'moved' : 'stayed', "\n";
kill 9, $pid;
`;

Deno.test("an agent moves to vsock with a command under way, and nothing of it is lost or overtaken", async () => {
  const program = inGuest("$_[0]") + onHost;
  const { code, stdout, stderr } = await new Deno.Command("/usr/bin/perl", { args: ["-e", program] })
    .output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assertEquals([code, text(stdout), text(stderr)], [0, "0 whole moved\n", ""]);
});

Deno.test("a machine has its vsock behind a port of its own, at a number that the keeper makes sure of", () => {
  assertEquals(vsockLines(undefined, 3), []);
  const [[what, cid, device = ""] = []] = vsockLines({ cid: 77 } satisfies Machine["vsock"], 3);
  assertEquals([what, cid], ["vsock", "77"]);
  assertEquals(JSON.parse(device), {
    driver: "vhost-vsock-pci",
    id: "vsock",
    "guest-cid": 77,
    vhostfd: "{fd:vsock}",
    bus: "port3",
  });
});
