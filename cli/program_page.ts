// What `drey --help` prints, made from the table of commands by `deno task docs`.

/** The help for the whole program. */
export const programPage = `drey runs system containers and virtual machines without root.

Usage:
  drey <command> [flags]

Commands:
  alias       Shortcuts for commands
  completion  Print the completion script for a shell
  config      Manage configuration of instances and the server
  console     Attach to the console of an instance, or print its log
  copy        Copy an instance or a snapshot
  delete      Delete instances
  doctor      Check the prerequisites on this machine and show how to fix them
  exec        Run a command in an instance
  export      Export an instance to a backup file
  file        Manage files of instances
  help        Show help on drey or a command
  image       Manage images
  import      Import an instance from a backup file
  info        Show information about an instance or the server
  init        Create an instance from an image and leave it stopped
  launch      Create an instance from an image and start it
  list        List instances
  logs        Print the console log of an instance
  manpage     Write manual pages for all commands into a directory
  monitor     Show events as they happen
  move        Rename an instance, or move it to another storage pool, project or server
  network     Manage networks
  operation   Manage background operations
  pause       Pause instances: freeze their processes
  profile     Manage profiles
  project     Manage projects
  publish     Publish an instance or a snapshot as an image
  query       Send a request to the API
  rebuild     Rebuild the root file system of an instance from an image
  recover     Recover instances and volumes that are missing from the database
  remote      Manage remote servers
  rename      Rename an instance
  restart     Restart instances
  restore     Restore an instance from a snapshot
  resume      Resume paused instances
  serve       Serve the API on a unix socket and, if configured, over HTTPS
  shell       Open a login shell as root
  snapshot    Take a snapshot of an instance
  start       Start instances
  stop        Stop instances
  storage     Manage storage pools and volumes
  version     Show the client and server versions
  warning     Manage warnings

Examples:
  drey launch debian:12 web
      Create a Debian 12 container and start it
  drey exec web -- cat /etc/os-release
      Run a command in it
  drey list
      List instances
  drey delete -f web
      Stop it and delete it

Global flags:
  -h, --help               Show help for the command
      --project <project>  Project to work in
      --force-local        Work in this process even if a server is listening
  -q, --quiet              Do not show progress
      --debug              Show requests, and stack traces of errors
      --version            Show the version of drey

Use "drey help <command>" for more about a command.
`;
