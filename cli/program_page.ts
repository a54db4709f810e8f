// What `drey --help` prints, made from the table of commands by `deno task docs`.

/** The help for the whole program. */
export const programPage = `drey runs system containers without root.

Usage:
  drey <command> [flags]

Commands:
  completion  Print a script that completes drey's words in a shell
  config      Configuration of instances and of the server
  console     Attach to the console of an instance, or print its log
  copy        Copy an instance or a snapshot
  delete      Delete instances
  doctor      Check what drey needs from this machine, and say how to fix it
  exec        Run a command in an instance
  export      Save an instance to a file
  file        Files of instances
  help        Show how to use drey, or one command
  image       Images instances are made from
  import      Make an instance of a saved one
  info        Show an instance and what it uses, or the server
  init        Create an instance from an image and leave it stopped
  launch      Create an instance from an image and start it
  list        List instances
  logs        Print what an instance has written on its console
  monitor     Print what happens, as it happens
  move        Move an instance to another name, storage pool or project
  network     Networks that instances are plugged into
  operation   What runs in the background
  pause       Freeze instances: their processes stay, and stand still
  profile     Configuration shared by instances
  project     Instances apart from one another
  publish     Make an image of an instance or a snapshot
  query       Send a request to the API
  rebuild     Replace the root file system of an instance by that of an image
  recover     Bring back instances and volumes that lie in storage pools and are not known
  remote      Servers that names before a colon mean
  rename      Rename an instance
  restart     Restart instances
  restore     Put an instance back to a snapshot
  resume      Let frozen instances go on
  serve       Serve the API on a unix socket, and over HTTPS if asked, until told to end
  shell       Log in as root
  snapshot    Take a snapshot of an instance
  start       Start instances
  stop        Stop instances
  storage     Storage pools
  version     Show the versions of drey and of the server it talks to
  warning     What is less than it could be

Examples:
  drey launch debian:12 web
      Create a Debian 12 container and start it
  drey exec web -- systemctl status
      Run a command in it
  drey list
      See what there is
  drey delete -f web
      Stop it and delete it

Global flags:
  -h, --help               Show how to use the command
      --project <project>  Project to work in
      --force-local        Do the work in this process even if a server is listening
  -q, --quiet              Show no progress
      --debug              Show requests, and where an error came from
      --version            Show the version of drey

More on a command: drey help <command>
`;
