// The process that keeps a network namespace's services alive: a few lines of sh on the host's side, which take one
// line at a time from a pipe. What the services are, others decide.

/** Files of a hub, in its directory. */
export const hubFiles = {
  /** the holder, a script of sh */
  script: "hub",
  /** held by the holder, and so by nobody once it is gone */
  lock: "lock",
  /** host pid of the holder, who leads the process group of all of them */
  holder: "holder.pid",
  /** when that process began, proc_pid_stat(5): with the host, or with who removed it, its pid becomes another's */
  begun: "holder.start",
  /** process groups of holders in whose place another one is put, as `GROUP START`, until that has the services */
  replaced: "replaced",
  /** host pid of the process that stands in the namespace; none where that is the host's */
  keeper: "keeper.pid",
  /** where the holder is told what to start: `NAME` */
  control: "control",
  /** how the namespace is made and set up, a script of sh that says "ready" */
  keep: "keep.sh",
  /** what the set-up complained of */
  log: "hub.log",
  /** services: NAME.sh, which must exec its program, and NAME.pid, NAME.log */
  services: "services",
} as const;

// $1 directory, $2 cgroup of supervisors or "", $3 whether a process keeps the namespace. Standard input is the lock.
// A service that ends is started again while its script is there: at once, and unless it was given a new script then,
// or had run for ten seconds, later and later. The pipe is open for
// reading and writing, so that it never ends. What waits for a service closes pipe and lock itself: dash(1) keeps a copy
// of what is closed for the time of a function alone, and the lock would outlive the holder. A holder that cannot
// say who it is does not stay: nobody could end it.
export const hubScript = `trap '' HUP INT TERM
dir=$1
exec 9<&0 </dev/null 2>"$dir/${hubFiles.log}"
[ -z "$2" ] || echo 0 >"$2/cgroup.procs"
(read -r stat <"/proc/$$/stat"; set -- $stat; echo "\${22}") >"$dir/${hubFiles.begun}" || exit
echo $$ >"$dir/${hubFiles.holder}" || exit
cd "$dir/${hubFiles.services}" || exit
if [ -n "$3" ]; then
  sh "$dir/${hubFiles.keep}" 9>&- &
  echo $! >"$dir/${hubFiles.keeper}"
else
  sh "$dir/${hubFiles.keep}" 9>&- || exit
fi
exec >/dev/null 3<>"$dir/${hubFiles.control}"
serve() {
  delay=0
  while [ -e "$1.sh" ]; do
    begun=$(date +%s)
    sh "./$1.sh" 2>"$1.log" &
    echo $! >"$1.pid"
    wait $!
    [ $(($(date +%s) - begun)) -lt 10 ] && [ ! "$1.sh" -nt "$1.pid" ] || delay=0
    [ ! -e "$1.sh" ] || sleep $delay
    delay=$((delay < 8 ? delay * 2 + 1 : 8))
  done
  rm -f "$1.pid" "$1.log"
}
while read -r name <&3; do { exec 3<&- 9<&-; serve "$name"; } & done
`;

/** What a service's script may use: the host pid of the process in the namespace. */
export const serviceHead = `keeper=$(cat ../${hubFiles.keeper} 2>/dev/null)\n`;
