// SFTP in an instance's files, over the connection that asked for it.

import { openInstanceSftp } from "../../domain/instances/sftp.ts";
import type { Handlers } from "../call.ts";

export const handlers: Handlers<"instance.sftp"> = {
  "instance.sftp": async ({ context, project, params }) => {
    const session = await openInstanceSftp(context, { project, name: params.name });
    return {
      abandon: () => session[Symbol.asyncDispose](),
      async serve(socket) {
        await using _session = session;
        const listen = async () => {
          for await (const bytes of socket.messages) await session.write(bytes as Uint8Array);
        };
        // whichever side ends first ends the other; what a session that has ended is sent is nobody's
        const heard = listen().catch(() => {});
        const said = (async () => {
          for await (const bytes of session.output) await socket.send(bytes);
        })().catch(() => {});
        await Promise.race([heard, said, socket.closed]);
        socket.close();
      },
    };
  },
};
