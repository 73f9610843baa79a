/** A TCP relay on loopback that destroys both sides after a number of bytes from the client: a cable that is cut. */
import { connect, createServer } from 'node:net';

/** @returns the relay's port; it cuts the first connection only, later ones pass */
export async function startCutter(to: number, afterBytes: number): Promise<number> {
  let first = true;
  const server = createServer((client) => {
    const upstream = connect(to, '127.0.0.1');
    let left = first ? afterBytes : Number.POSITIVE_INFINITY;
    first = false;
    const cut = () => {
      client.destroy();
      upstream.destroy();
    };
    client.on('data', (chunk) => {
      upstream.write(chunk.subarray(0, left));
      left -= chunk.length;
      if (left <= 0) setImmediate(cut);
    });
    upstream.pipe(client);
    for (const socket of [client, upstream]) socket.on('error', cut).on('close', cut);
  });
  server.unref();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  return address.port;
}
