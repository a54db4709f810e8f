#!/bin/sh
# How long virtual machines take, in rounds of pairs: from a launch until a command answers, from nothing and from the
# memory of their kind, beside what the same guest takes to boot to the end; pushes beside cp(1) in the guest; memory.
#
#   DREY="deno run -A cli.ts" DREY_DIR=/somewhere tests/bench/machines.sh IMAGE [ROUNDS] [FILES]
#
# IMAGE is one with systemd that this drey has. Everything runs under whatever accelerator works here.
set -eu
image=$1 rounds=${2:-3} files=${3:-1000}
drey() { ${DREY:-drey} "$@"; }
now() { date +%s%N; }
since() { echo $((($(now) - $1) / 1000000)); }
root=$(mktemp -d)
trap 'drey delete --force bench 2>/dev/null; rm -rf "$root"' EXIT

ready='until systemctl is-active --quiet multi-user.target; do sleep 0.2; done 2>/dev/null'
launch() {
  begin=$(now)
  drey launch "$image" bench --vm -q 2>/dev/null
  drey exec bench -- true
  answered=$(since "$begin")
  drey exec bench -- sh -c "$ready"
  booted=$(since "$begin")
}

round=0
while [ $round -lt "$rounds" ]; do
  rm -rf "$DREY_DIR"/machines/memories/*
  launch; echo "from nothing: a command answers after $answered ms, booted after $booted ms"; cold=$booted
  drey delete --force bench
  launch
  echo "from memory: a command answers after $answered ms, booted after $booted ms; $((answered * 100 / cold)) % of a boot from nothing"
  round=$((round + 1))
  [ $round -eq "$rounds" ] || drey delete --force bench
done

for _ in 1 2 3 4 5; do
  begin=$(now); drey exec bench -- true; echo "exec: $(since "$begin") ms"
done

# 50 KB each
mkdir "$root/tree"
awk -v n="$files" 'BEGIN { for (i = 0; i < n; i++) printf "%d\n", i }' | while read -r n; do
  head -c 51200 /dev/urandom >"$root/tree/$n"
done
for _ in 1 2 3; do
  begin=$(now); drey file push -r "$root/tree" bench/root/ >/dev/null; pushed=$(since "$begin")
  begin=$(now); drey exec bench -- sh -c 'cp -a /root/tree /root/copy && sync'; copied=$(since "$begin")
  echo "$files files: pushed in $pushed ms, cp -a in the guest $copied ms"
  drey exec bench -- rm -rf /root/tree /root/copy
done

# of all that runs for it, what is not the guest's own memory, which is shared
init=$(drey query "/1.0/instances/bench/state" | sed -n 's/.*"pid": *\([0-9]*\).*/\1/p')
sum=0
for pid in "$init" $(cat "/proc/$init/task/$init/children"); do
  for kb in $(awk '/^RssAnon|^RssFile/ { print $2 }' "/proc/$pid/status"); do sum=$((sum + kb)); done
done
echo "memory of keeper, QEMU and virtiofsd beyond the guest's: $((sum / 1024)) MB"
