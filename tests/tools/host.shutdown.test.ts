import { once } from 'node:events';
import { request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { startHost } from '../../tools/local/host/host.ts';
import { until } from '../support/until.ts';

test('a host that ends takes no more connections, and lets what is under way finish', async () => {
  let isUnderWay = false;
  const host = await startHost({ port: 0, write: () => {}, timers: false }, async () => {
    const { app } = await import('@azure/functions');
    app.setup({ enableHttpStream: true });
    app.http('length', {
      methods: ['POST'],
      handler: async (received) => {
        isUnderWay = true;
        return { jsonBody: (await received.arrayBuffer()).byteLength };
      },
    });
  });
  const sent = request(`${host.url}/length`, { method: 'POST' });
  sent.write('half');
  await until(() => isUnderWay);
  let hasEnded = false;
  const closed = host.close().then(() => {
    hasEnded = true;
  });
  await expect(fetch(`${host.url}/length`, { method: 'POST' })).rejects.toThrow();
  expect(hasEnded).toBe(false);
  sent.end('rest');
  const [answer] = await once(sent, 'response');
  expect((await buffer(answer)).toString()).toBe('8');
  await closed;
});
