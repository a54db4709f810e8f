#!/bin/sh
# Throughput and latency of drey's networks against the same kernel without drey, in one run, as an ordinary user:
# two namespaces on a bridge, two instances on one, slirp4netns bare, an instance through it, socat, a proxy device.
# Needs iperf3, socat, slirp4netns and a usable /dev/net/tun. Prints Mbit/s, and microseconds for a round trip.
set -eu
PATH=$PATH:/usr/sbin:/sbin
drey=${DREY:-"deno run -A --quiet $(dirname "$0")/../../cli.ts"}
image=${1:?an image with iperf3, such as one launched from debian:12 and published}
seconds=${2:-3}

client() { "$@" -J -t "$seconds" | perl -ne 'BEGIN { undef $/ } print int($1 / 1e6), "\n" if /"sum_received".*?"bits_per_second":\s*([\d.e+]+)/s'; }
rtt() { perl -ne 'print "$1\n" if m!= [\d.]+/([\d.]+)/!'; }

echo "bare bridge"
unshare -Urn sh -ec '
  ip link set lo up; ip link add br9 type bridge; ip link set br9 up
  for i in 1 2; do
    unshare -n sleep 60 & eval "p$i=$!"; sleep 0.2; eval "p=\$p$i"
    ip link add v$i type veth peer name eth0 netns $p; ip link set v$i master br9 up
    nsenter -t $p -n sh -c "ip link set lo up; ip addr add 10.9.0.$i/24 dev eth0; ip link set eth0 up"
  done
  nsenter -t $p1 -n iperf3 -s -1 >/dev/null & sleep 0.5
  nsenter -t $p2 -n iperf3 -c 10.9.0.1 -J -t "$1" | perl -ne "BEGIN { undef \$/ } print int(\$1 / 1e6), qq(\n) if /\"sum_received\".*?\"bits_per_second\":\s*([\d.e+]+)/s"
  nsenter -t $p2 -n ping -q -c 200 -i 0.002 10.9.0.1 | perl -ne "print qq(rtt \$1 ms\n) if m!= [\d.]+/([\d.]+)/!"
  kill $p1 $p2' sh "$seconds"

$drey launch "$image" bench1 -p 15201:5201 >/dev/null
$drey launch "$image" bench2 >/dev/null
sleep 3
address=$($drey list bench1 --format csv -c 4 | cut -d' ' -f1)

echo "two instances"
$drey exec bench1 -- iperf3 -s -1 >/dev/null & sleep 1
client $drey exec bench2 -- iperf3 -c "$address"
$drey exec bench2 -- ping -q -c 200 -i 0.002 "$address" | rtt

# the scheduler shares out the processors by session (sched_autogroup), which counts on a busy machine: the bare tool gets
# one of its own, as the hub has. Both in turn, and the middle of five.
host=$(ip -4 -o route get 192.0.2.255 | perl -ne 'print $1 if /src (\S+)/')
unshare -Urn sleep 600 & bare=$!; sleep 0.3
setsid slirp4netns --configure --mtu=65520 $bare tap0 >/dev/null 2>&1 & slirp=$!; sleep 0.5
middle() { sort -n | sed -n 3p; }
out=$(for _ in 1 2 3 4 5; do
  iperf3 -s -1 >/dev/null & sleep 0.5
  client $drey exec bench2 -- iperf3 -c "$host" | sed 's/^/instance /'; wait $!
  iperf3 -s -1 >/dev/null & sleep 0.5
  client nsenter -t $bare -U -n --preserve-credentials iperf3 -c "$host" | sed 's/^/bare /'; wait $!
done)
echo "out, instance"; echo "$out" | sed -n 's/^instance //p' | middle
echo "out, slirp4netns bare"; echo "$out" | sed -n 's/^bare //p' | middle
kill $slirp $bare

echo "in, proxy device"
$drey exec bench1 -- iperf3 -s -1 >/dev/null & sleep 1
client iperf3 -c 127.0.0.1 -p 15201

echo "in, socat into the same namespace"
$drey exec bench1 -- iperf3 -s -1 >/dev/null & sleep 1
init=$($drey query /1.0/instances/bench1/state | perl -ne 'print $1 if /"pid":\s*(\d+)/')
socat TCP-LISTEN:15202,fork,reuseaddr,bind=127.0.0.1 "EXEC:nsenter -t $init -U -n --preserve-credentials socat - TCP\:127.0.0.1\:5201" & relay=$!
sleep 0.5
client iperf3 -c 127.0.0.1 -p 15202
kill $relay
$drey delete -f bench1 bench2 >/dev/null
