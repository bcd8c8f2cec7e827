// A wire between the page and the node that a test can freeze (open, but nothing passes) or cut
// (connections end, new ones are refused), whatever is at its other end.
import { connect, createServer } from 'node:net';

export async function wire(target) {
  const { hostname, port } = new URL(target);
  const pairs = new Set();
  let state = 'whole';
  const server = createServer((near) => {
    if (state === 'cut') {
      near.destroy();
      return;
    }
    const far = connect({ host: hostname, port: Number(port || 80) });
    const pair = { near, far };
    pairs.add(pair);
    const end = () => {
      near.destroy();
      far.destroy();
      pairs.delete(pair);
    };
    for (const socket of [near, far]) socket.on('error', end).on('close', end);
    near.pipe(far);
    far.pipe(near);
    if (state === 'frozen') far.pause();
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    freeze() {
      state = 'frozen';
      for (const { near, far } of pairs) {
        far.unpipe(near);
        far.pause();
      }
    },
    cut() {
      state = 'cut';
      for (const { near, far } of pairs) {
        near.destroy();
        far.destroy();
      }
    },
    mend() {
      const before = state;
      state = 'whole';
      if (before === 'frozen') for (const { near, far } of pairs) far.pipe(near);
    },
    async close() {
      for (const { near, far } of pairs) {
        near.destroy();
        far.destroy();
      }
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
