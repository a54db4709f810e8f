// Routes of recovery. They lie where LXD has them for its own program.

import { type RecoverFound, recoverPost } from "../recover.ts";
import { route } from "./route.ts";

export const recover = {
  "recover.validate": route<RecoverFound>()(
    "sync",
    "POST /internal/recover/validate",
    "Look for instances and volumes in storage pools that the database does not know",
    { body: recoverPost },
  ),
  "recover.import": route<null>()(
    "sync",
    "POST /internal/recover/import",
    "Bring back instances and volumes that the database does not know",
    { body: recoverPost },
  ),
} as const;
