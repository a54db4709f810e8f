import { assertEquals } from "@std/testing";
import { frames, resyncLength } from "./frames.pl.ts";
import { keeperAgent } from "./keeper_agent.pl.ts";

/** What the keeper has beside it, for a guest that says what a test lets it say. */
const around = String.raw`
my ($agent, $guest);
socketpair $agent, $guest, 1, 1, 0 or die;
set_nonblocking($_) for $agent, $guest;
my (%client, %setting, $is_told, $fast, $hears_fast, $is_there, $in_sync, $is_lost, $died);
my ($agent_in, $agent_out, $no_agent, $resync_length) = ('', '', 'no agent', ${resyncLength});
sub end_errands { } sub leave_vsock { } sub offer_vsock { } sub tell_who { } sub is_errand { 0 }
sub refuse { my ($c, $why) = @_; $c->{refused} = $why }
sub drop { my ($c) = @_; delete $client{$c->{channel}} }
sub begin { my ($c) = @_; $c->{begun} = 1; delete $c->{open} }
sub say_all { my ($bytes) = @_;
  while (length $bytes) { push_out($guest, \$bytes); hear_agent($agent) }
}
sub add_client { my ($channel, %more) = @_; return $client{$channel} = { channel => $channel, out => '', %more } }
sub welcome { say_all(("\0" x $resync_length) . frame(0xffffffff, 'hello', 'n1')) }
`;

/** What a program says that has the keeper's subroutines. */
async function said(program: string): Promise<string> {
  const args = ["-e", `${frames}\n${around}\n${keeperAgent}\n${program}`];
  const { stdout, stderr } = await new Deno.Command("/usr/bin/perl", { args }).output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

Deno.test("an agent is heard after the middle of a frame, which a saved machine may begin with", async () => {
  const program = String.raw`
    say_all("y\n" x 20_000);
    welcome();
    my $c = add_client(7, begun => 1);
    say_all(frame(7, 'data', "\1output"));
    print "$is_there $agent_out", length $c->{out}, "\n";
  `;
  assertEquals(await said(program), "1 welcome n1\n16\n");
});

Deno.test("an agent is heard that says its first word in pieces, or after what is none", async () => {
  const program = String.raw`
    no warnings 'redefine';
    my $told = 0;
    sub tell_who { $told++ }
    say_all($_) for "\0\0\0\0\0\0dre", "y: waiting\n", 'x' x 50_000, "drey: who\n", "drey: wait", "ing\n";
    welcome();
    print "$told $is_there\n";
  `;
  assertEquals(await said(program), "2 1\n");
});

Deno.test("root in a guest fills no memory of the keeper, and answers nobody who did not ask the guest", async () => {
  const program = String.raw`
    welcome();
    my $asked = add_client(7, begun => 1);
    my $waits = add_client(8);
    say_all(frame(8, 'data', 'forged'));
    print length $waits->{out}, "\n";
    say_all(frame(7, 'data', "\1" . 'x' x 60_000)) for 1 .. 400;
    print $client{7} ? 'kept' : 'dropped', ' ', length($asked->{out}) < 18_000_000 ? 'held' : 'flooded', "\n";
    $asked = add_client(9, begun => 1);
    say_all(pack('NCN', 9, 2, 0xffffffff) . 'x' x 5_000_000);
    print length $agent_in < 300_000 ? 'held' : 'flooded', " $asked->{refused}\n";
  `;
  assertEquals(await said(program), "0\ndropped held\nheld no agent\n");
});
