import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type RunningHost, startHost } from '../../tools/local/host/host.ts';

let host: RunningHost;
let runs = 0;

beforeAll(async () => {
  process.env['TEST_SCHEDULE'] = '* * * * * *';
  host = await startHost({ port: 0, write: () => {} }, async () => {
    const { app } = await import('@azure/functions');
    app.timer('everySecond', {
      schedule: '%TEST_SCHEDULE%',
      handler: () => {
        runs++;
      },
    });
  });
});
afterAll(() => host.close());

test('a schedule that names a setting runs by itself', async () => {
  expect(host.functions).toEqual([{ name: 'everySecond', kind: 'timer', schedule: '* * * * * *' }]);
  await vi.waitUntil(() => runs >= 2, { timeout: 5_000 });
});
