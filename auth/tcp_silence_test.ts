import { assertEquals } from "@std/testing";
import { isSilent } from "./tcp_silence.ts";

const head =
  "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const row = (timer: string, retransmits: string, probes: number) =>
  `   0: 0100007F:20FB 0200007F:C350 01 0000002A:00000000 ${timer}:00000100 ${retransmits}     0        ${probes} 1 2 0\n`;

async function isSilentIn(table: string, remote = 0xc350): Promise<boolean> {
  const directory = await Deno.makeTempDir();
  await Deno.writeTextFile(`${directory}/tcp`, head + table);
  try {
    return await isSilent({ local: 0x20fb, remote }, directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("isSilent() is about hosts that acknowledge nothing, and not about programs that read slowly", async () => {
  assertEquals(await isSilentIn(row("01", "00000004", 0)), true, "repeated in vain");
  assertEquals(await isSilentIn(row("01", "00000000", 0)), false, "just sent");
  assertEquals(await isSilentIn(row("00", "00000000", 0)), false, "acknowledged");
  assertEquals(await isSilentIn(row("04", "00000000", 0)), false, "full, and says so");
  assertEquals(await isSilentIn(row("04", "00000000", 5)), true, "full, and says so no more");
  assertEquals(await isSilentIn(row("02", "00000000", 0)), false, "kept alive");
  assertEquals(await isSilentIn(row("01", "00000004", 0) + row("00", "00000000", 0)), false, "one of two");
  assertEquals(await isSilentIn(row("00", "00000000", 0), 1), true, "not there");
});
