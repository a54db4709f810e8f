#!/bin/sh
# The floor: what the kernel alone takes for a container of the same root file system. No records, no supervisor,
# no cgroup, no terminal. Usage: floor.sh STEP DIRECTORY LOWER
set -eu
step=$1 dir=$2 lower=$3
if [ "$(id -u)" = 0 ]; then own='' option=''; else own='-U --map-root-user --map-auto' option='userxattr,'; fi

start() {
  cd "$dir"
  mkfifo ready
  setsid unshare $own -m -p -f -n -u -i --kill-child sh -c '
    mount -t overlay overlay -o "$1lowerdir=$2,upperdir=upper,workdir=work" root
    cd root
    mount -t proc proc proc
    exec 3>../ready
    pivot_root . .
    umount -l .
    exec sh -c "echo up >&3; exec 3>&-; exec sleep infinity"
  ' floor "$option" "$lower" </dev/null >/dev/null 2>&1 &
  echo $! >pid
  read -r _ <ready
  rm ready
}

case $step in
  launch)
    mkdir -p "$dir/upper" "$dir/work" "$dir/root"
    start ;;
  start) start ;;
  exec)
    pid=$(cat "$dir/pid")
    init=$(cat "/proc/$pid/task/$pid/children")
    if [ -n "$own" ]; then set -- -U -S 0 -G 0; else set --; fi
    exec nsenter -t "${init% }" "$@" -m -p -n -u -i -- true ;;
  stop)
    pid=$(cat "$dir/pid")
    kill -9 "$pid"
    # a dead process nobody has waited for yet has no program any more
    while [ -e "/proc/$pid/exe" ]; do sleep 0.001; done ;;
  delete)
    if [ -n "$own" ]; then exec unshare $own rm -rf "$dir"; else exec rm -rf "$dir"; fi ;;
esac
