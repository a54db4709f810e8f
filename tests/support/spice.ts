// The first words of SPICE, as a viewer says them: enough to know who answers.

/** Connects to a socket, and gives the first four bytes of what answers a viewer's greeting: `REDQ` from SPICE. */
export async function greetSpice(path: string): Promise<string> {
  using connection = await Deno.connect({ transport: "unix", path });
  // SpiceLinkHeader, then SpiceLinkMess for the main channel, spice-protocol's protocol.h
  const bytes = new Uint8Array(16 + 18);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode("REDQ"));
  [2, 2, 18, 0].forEach((value, index) => view.setUint32(4 + 4 * index, value, true));
  view.setUint8(20, 1);
  view.setUint32(30, 18, true);
  await connection.write(bytes);
  const answer = new Uint8Array(4);
  for (let at = 0; at < 4;) {
    const count = await connection.read(answer.subarray(at));
    if (count === null) return new TextDecoder().decode(answer.subarray(0, at));
    at += count;
  }
  return new TextDecoder().decode(answer);
}

/** The socket that a client leads to a screen, once it has said where that is. */
export async function screenPath(said: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of said.values({ preventCancel: true })) {
    text += decoder.decode(chunk, { stream: true });
    const path = /spice\+unix:\/\/(\S+)\s/.exec(text)?.[1];
    if (path !== undefined) return path;
  }
  throw new Error(`no address of a screen: ${text}`);
}
