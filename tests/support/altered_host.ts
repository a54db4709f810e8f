// A view of the host that is poorer than the real one: files are hidden in a mount namespace, without privilege.

/**
 * argv that runs a program as this user where a script of sh has mounted things over others first.
 *
 * @param words `$1`… of the script
 */
export function inAlteredHost(
  script: string,
  words: readonly string[],
  argv: readonly string[],
): string[] {
  // mount(8) wants to be root; the second namespace makes root the user again
  const again = ["unshare", "--user", `--map-user=${Deno.uid()}`, `--map-group=${Deno.gid()}`, ...argv];
  const shell = `count=$1; shift\n${script}\nshift "$count"; exec "$@"`;
  return [
    "unshare",
    "--map-root-user",
    "--mount",
    "sh",
    "-euc",
    shell,
    "sh",
    String(words.length),
    ...words,
    ...again,
  ];
}
