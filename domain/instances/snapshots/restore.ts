import { DreyError } from "../../../errors.ts";
import type { Context, Ref } from "../../context.ts";

export function finishRestore(_context: Context, ref: Ref, snapshot: string): Promise<void> {
  return Promise.reject(
    new DreyError("NOT_SUPPORTED", { message: `Cannot restore ${ref.name} from ${snapshot}` }),
  );
}
