#!/bin/sh
# What drey's networks are held to, measured in one run beside the same kernel without drey, as an ordinary user with a
# delegated cgroup: rounds of both in turn, medians, the ratio and its bound. Needs iperf3, ping, socat, and for the way
# out slirp4netns and a usable /dev/net/tun. Takes two minutes; makes and removes a drey of its own.
#   ROUNDS (5), LENGTH of one measurement in seconds (2), COUNT of instances on one network (50), DREY (this tree)
set -eu
PATH=$PATH:/usr/sbin:/sbin
tree=$(cd "$(dirname "$0")/../.." && pwd)
drey=${DREY:-"deno run -A --quiet $tree/cli.ts"}
rounds=${ROUNDS:-5} length=${LENGTH:-2} count=${COUNT:-50}
work=$(mktemp -d -p "${TMPDIR:-/var/tmp}" drey-network-bench.XXXXXX)
export DREY_DIR="$work/drey" DREY_CONF="$work/config"
pids=
cleanup() {
  trap - EXIT
  for pid in $pids; do kill -9 "-$pid" 2>/dev/null || kill -9 "$pid" 2>/dev/null || :; done
  names=$($drey list --format csv -c n 2>/dev/null) || :
  [ -z "$names" ] || $drey delete -f $names >/dev/null || :
  $drey image delete bench >/dev/null 2>&1 || :
  rm -rf "$work" 2>/dev/null || echo "left: $work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# ---- measuring
now() { perl -MTime::HiRes=time -e 'printf "%.3f\n", time * 1000'; }
took() { start=$(now); "$@" >/dev/null 2>&1; perl -e "printf qq(%.1f\n), $(now) - $start"; }
note() { echo "$2" >>"$work/$1"; }
median() { sort -n "$work/$1" | perl -e '@all = <>; print $all[@all / 2] // 0'; }
received() { perl -ne 'BEGIN { undef $/ } print int($1 / 1e6), "\n" if /"sum_received".*?"bits_per_second":\s*([\d.e+]+)/s'; }
trip() { perl -ne 'print $1 * 1000, "\n" if m!= [\d.]+/([\d.]+)/!'; }
# a server that answers once, in the first place, and whoever asks it, in the second
stream() { # NAME SERVER… -- CLIENT…
  name=$1; shift; server=
  while [ "$1" != -- ]; do server="$server $1"; shift; done; shift
  $server iperf3 -s -1 >/dev/null 2>&1 & served=$!
  for try in 1 2 3 4 5 6 7 8 9 10; do
    sleep 0.3
    rate=$("$@" -J -t "$length" 2>/dev/null | received) || rate=
    [ -z "$rate" ] || break
  done
  wait $served || :
  note "$name" "${rate:-0}"
}
verdict() { # TEXT OURS THEIRS UNIT at-least|at-most BOUND
  perl -e '($text, $ours, $theirs, $unit, $how, $bound) = @ARGV;
    $value = $how =~ /ratio|told/ ? ($theirs ? $ours / $theirs : 0) : $how eq "added" ? $ours - $theirs : $ours;
    $is = $how eq "ratio" ? $value >= $bound : $value <= $bound;
    printf "%-44s %10s %10s %-6s %7.2f", $text, $ours, $theirs, $unit, $value;
    print "\n" and exit if $how eq "told";
    printf "  %s %s: %s\n",
      $how eq "ratio" ? "at least" : "at most", $bound, $is ? "met" : "missed"' "$@"
}

# ---- what drey makes, and the same without it
deno run -A --quiet "$tree/tests/bench/network_image.ts" "$work/image" >/dev/null
$drey image import "$work/image/tiny.tar" --alias bench >/dev/null
for name in b1 b2; do
  $drey launch bench $name >/dev/null
  $drey exec $name -- busybox udhcpc -i eth0 -n -q -t 60 -s /etc/udhcpc.sh >/dev/null 2>&1
done
address=$($drey list b1 --format csv -c 4 | cut -d' ' -f1)
mtu=$($drey exec b1 -- cat /sys/class/net/eth0/mtu)
# each part in a session of its own, since the scheduler shares out the processors by session
plain() { # FILE MTU
  setsid unshare -Urn sh -ec '
  ip link set lo up; ip link add br9 mtu "$1" type bridge forward_delay 0; ip link set br9 up
  for i in 1 2; do
    unshare -n sleep infinity & eval "p$i=$!"; eval "p=\$p$i"
    while [ "$(readlink /proc/$p/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
    ip link add v$i mtu "$1" type veth peer name eth0 mtu "$1" netns $p; ip link set v$i master br9 up
    nsenter -t $p -n sh -c "ip link set lo up; ip addr add 10.9.0.$i/24 dev eth0; ip link set eth0 up"
  done
  echo $p1 $p2 >"$2.new"; mv "$2.new" "$2"; wait' sh "$2" "$work/$1.pids" & pids="$pids $!"
  while [ ! -e "$work/$1.pids" ]; do sleep 0.1; done
}
inside() { echo "setsid -w nsenter -t $1 -U -n --preserve-credentials"; }
plain usual 1500
read -r one two <"$work/usual.pids"
in_u1=$(inside "$one") in_u2=$(inside "$two")
plain large "$mtu"
read -r one two <"$work/large.pids"
in_l1=$(inside "$one") in_l2=$(inside "$two")

out=
if [ -w /dev/net/tun ] && command -v slirp4netns >/dev/null; then
  out=$(ip -4 -o addr show scope global | perl -ne 'print $1 and exit if /inet ([\d.]+)/')
  setsid unshare -Urn sleep infinity & away=$!; pids="$pids $away"
  sleep 0.5
  setsid slirp4netns --configure --mtu=65520 --api-socket "$work/api" $away tap0 >/dev/null 2>&1 & pids="$pids $!"
  while [ ! -S "$work/api" ]; do sleep 0.1; done
  forward='{"execute":"add_hostfwd","arguments":{"proto":"tcp","host_addr":"127.0.0.1","host_port":15204,"guest_port":5201}}'
  echo "$forward" | socat -t 5 - "UNIX:$work/api" >/dev/null
  in_away=$(inside "$away")
fi
$drey config device add b1 in proxy listen=tcp:127.0.0.1:15201 connect=tcp:127.0.0.1:5201 >/dev/null
network=$($drey network list --format csv | cut -d, -f1 | grep '^dreybr')
$drey network forward create "$network" 127.0.0.1 >/dev/null
$drey network forward port add "$network" 127.0.0.1 tcp 15202 "$address" 5201 >/dev/null
hub=$(cat "$DREY_DIR/run/network/keeper.pid")
setsid socat TCP-LISTEN:15203,fork,reuseaddr,bind=127.0.0.1 \
  "EXEC:nsenter -t $hub -U -n --preserve-credentials socat - TCP\:$address\:5201" & pids="$pids $!"

# ---- rounds
for round in $(seq "$rounds"); do
  stream pair $drey exec b1 -- $drey exec b2 -- iperf3 -c "$address"
  stream usual $in_u1 -- $in_u2 iperf3 -c 10.9.0.1
  stream large $in_l1 -- $in_l2 iperf3 -c 10.9.0.1
  note pair.trip "$($drey exec b2 -- ping -q -c 300 -i 0.002 "$address" | trip)"
  note bare.trip "$($in_u2 ping -q -c 300 -i 0.002 10.9.0.1 | trip)"
  if [ -n "$out" ]; then
    stream out -- $drey exec b2 -- iperf3 -c "$out"
    stream out.bare -- $in_away iperf3 -c "$out"
    stream in.tool $in_away -- setsid -w iperf3 -c 127.0.0.1 -p 15204
  fi
  stream in.proxy $drey exec b1 -- setsid -w iperf3 -c 127.0.0.1 -p 15201
  stream in.forward $drey exec b1 -- setsid -w iperf3 -c 127.0.0.1 -p 15202
  stream in.socat $drey exec b1 -- setsid -w iperf3 -c 127.0.0.1 -p 15203
done
verdict "between instances, plain veth" "$(median pair)" "$(median usual)" Mbit/s ratio 0.9
verdict "the same, plain veth with drey's MTU of $mtu" "$(median pair)" "$(median large)" Mbit/s told
verdict "round trip between instances, plain veth" "$(median pair.trip)" "$(median bare.trip)" us added 10
[ -z "$out" ] || verdict "out, slirp4netns bare" "$(median out)" "$(median out.bare)" Mbit/s ratio 0.9
better=$(median in.socat)
[ -z "$out" ] || better=$(printf '%s\n' "$better" "$(median in.tool)" | sort -n | tail -n1)
verdict "in by a forward, better of socat and tool" "$(median in.forward)" "$better" Mbit/s ratio 0.9
verdict "in by a proxy device, the same" "$(median in.proxy)" "$better" Mbit/s ratio 0.9

# ---- what a card costs at the start
$drey init bench with >/dev/null
$drey init bench without --network none >/dev/null
for round in $(seq $((rounds * 2))); do
  for name in with without; do
    note "start.$name" "$(took $drey start $name)"
    $drey stop -f $name >/dev/null
  done
  note launch.with "$(took $drey launch bench l1)"
  note launch.without "$(took $drey launch bench l2 --network none)"
  $drey delete -f l1 l2 >/dev/null
done
verdict "start with a card, without" "$(median start.with)" "$(median start.without)" ms added 25
verdict "launch with a card, without" "$(median launch.with)" "$(median launch.without)" ms added 25
$drey delete -f b1 b2 >/dev/null
for round in $(seq $((rounds * 2))); do
  for name in with without; do
    note "hub.$name" "$(took $drey start $name)"
    $drey stop -f $name >/dev/null
  done
done
verdict "start with the hub, without" "$(median hub.with)" "$(median hub.without)" ms added 150
$drey delete with without >/dev/null

# ---- many on one network
failed=0
for i in $(seq "$count"); do $drey launch bench "n$i" >/dev/null; done
for i in $(seq "$count"); do
  $drey exec "n$i" -- busybox udhcpc -i eth0 -n -q -t 60 -s /etc/udhcpc.sh >/dev/null 2>&1 || failed=$((failed + 1))
done
for i in $(seq "$count"); do
  $drey exec "n$i" -- sh -c "for j in \$(seq $count); do busybox nslookup n\$j >/dev/null || exit 1; done" ||
    failed=$((failed + 1))
done
verdict "of $count instances, without address or names" "$failed" 0 "" most 0
group=$(cat "$DREY_DIR/run/network/holder.pid")
memory=$(for stat in /proc/[0-9]*/stat; do
  pid=${stat#/proc/} pid=${pid%/stat}
  [ "$(perl -ne 'print((split / /, s/.*\) //r)[2])' "$stat" 2>/dev/null)" != "$group" ] ||
    sed -n 's/^Pss: *\([0-9]*\).*/\1/p' "/proc/$pid/smaps_rollup" 2>/dev/null || :
done | perl -ne '$sum += $_; END { printf "%.1f", $sum / 1024 }')
verdict "memory of the hub with $count instances" "$memory" 0 MiB most 15
