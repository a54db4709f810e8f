// Giving back the room that a killed machine has left in its disk: taken, and not yet used for anything.

import { describeError } from "../../errors.ts";
import { mendDiskArgv } from "../../runtime/vm/disk_root.pl.ts";
import type { Context, Ref } from "../context.ts";
import { emitLogging } from "../events.ts";
import { startOnVolume } from "../instances/root_tar.ts";
import { openRootPool } from "../instances/root_volume.ts";
import { volumeOf } from "../instances/volume_of.ts";
import { abandonedDisk } from "./own_disk.ts";

/**
 * Mends the disk of an instance that has ended; what cannot be mended now is so at the next start. The caller holds the
 * instance's lock.
 */
export async function mendDisk(context: Context, ref: Ref): Promise<void> {
  try {
    await using pool = await openRootPool(context, ref);
    const volume = volumeOf(ref);
    const disk = pool.driver.exists(volume) ? abandonedDisk(pool.driver.root(volume)) : undefined;
    if (disk === undefined) return;
    const argv = (root: string) => mendDiskArgv(root, disk);
    const program = await startOnVolume(context, pool.driver, { volume, argv });
    await program.input.close();
    await program.output.pipeTo(new WritableStream());
    await program.finish();
  } catch (error) {
    const message = `Cannot mend the disk of instance "${ref.name}": ${describeError(error)}`;
    await emitLogging(context, { level: "warning", message, project: ref.project });
  }
}
