// The words that the parts of a virtual machine's agent share, as Perl: frames on a stream, of many commands at once.
//
// A frame is a channel (32 bits), a kind (8 bits), a length (32 bits) and that many bytes. A channel is one command.
// Whoever sends output or input has so much credit for each stream and is given more as it is used up, so that nobody
// who reads slowly holds up the others or fills anybody's memory.

/** Kinds of frames; the agent, the keeper and the door know them by these numbers. */
export const frameKinds = {
  /** door to agent: lists of words, see `door`; begins a command */
  open: 1,
  /** number of a stream (8 bits) and bytes */
  data: 2,
  /** number of a stream that has ended */
  end: 3,
  /** door to agent: number of a signal */
  signal: 4,
  /** door to agent: rows and columns of the terminal (16 bits each) */
  size: 5,
  /** number of a stream (8 bits) and how many more bytes may be sent (32 bits) */
  credit: 6,
  /** agent to door: the status of the command */
  exit: 7,
  /** keeper to agent: whoever gave the command is gone */
  gone: 8,
  /** agent to keeper: it is there, and has forgotten all there was; keeper to agent: begin anew, it is so late */
  hello: 9,
  /** keeper to agent: `off` or `reboot` the machine, or `forget` files that nobody uses */
  power: 10,
  /** keeper to door: why nothing comes of it, for people */
  refusal: 11,
  /** door to keeper: to be led to a socket of the machine, by name; keeper to door: it is led */
  lead: 12,
  /** door to keeper: the machine's memory is to be written, into a file of the box or to the door */
  save: 13,
  /** door to keeper: lines of words, to be done in the box */
  do: 14,
} as const;

/** `bytes` of a stream under way at most */
const creditSize = 262_144;

/** `bytes` of a frame at most: the guest's root may be the agent, and what is begun and never ends would fill memory */
export const longestFrame = 16_777_216;

/** What a new agent says before anything else: whatever was cut off in the middle ends within so many zeros. */
export const resyncLength = 70_000;

/** What a guest that waits to be told who it is says of itself. */
export const waitingWord = "drey: waiting";

/** The same where what it has in its memory is of use to nobody else; why follows. */
export const notWaitingWord = "drey: not waiting";

/** Subroutines for all three. */
export const frames = String.raw`
use strict;
my %kind = (${Object.entries(frameKinds).map(([name, number]) => `${name} => ${number}`).join(", ")});
my $credit_size = ${creditSize};
sub frame { my ($channel, $kind, $payload) = @_; return pack('NCN', $channel, $kind{$kind}, length $payload) . $payload }
# the first whole frame of a buffer, taken away from it: channel, kind and payload, or nothing
sub take_frame { my ($buffer) = @_;
  return if length $$buffer < 9;
  my ($channel, $kind, $length) = unpack 'NCN', $$buffer;
  if ($length > ${longestFrame}) { $$buffer = ''; return }
  return if length $$buffer < 9 + $length;
  my $payload = substr $$buffer, 9, $length;
  substr($$buffer, 0, 9 + $length) = '';
  return ($channel, $kind, $payload);
}
sub set_nonblocking { my ($handle) = @_;
  my $flags = fcntl $handle, 3, 0;
  fcntl $handle, 4, $flags | 04000;
}
# writes what it takes now; false if the other side is gone
sub push_out { my ($handle, $buffer) = @_;
  while (length $$buffer) {
    my $n = syswrite $handle, $$buffer, 65536;
    if (!defined $n) { return $! == 11 || $! == 4 ? 1 : 0 }
    substr($$buffer, 0, $n) = '';
  }
  return 1;
}
`;
