import { afterAll, beforeAll, expect, test } from 'vitest';
import { type HostLine, type RunningHost, startHost } from '../../tools/local/host/host.ts';
import { until } from '../support/until.ts';

/** Taken by other crons. */
const refused = { last: '0 0 0 L * *', sunday: '0 0 0 * * 7', text: 'hourly' };

let host: RunningHost;
const lines: HostLine[] = [];
let runs = 0;

beforeAll(async () => {
  process.env['TEST_SCHEDULE'] = '* * * * * *';
  host = await startHost({ port: 0, write: (line) => lines.push(line) }, async () => {
    const { app } = await import('@azure/functions');
    app.timer('everySecond', {
      schedule: '%TEST_SCHEDULE%',
      handler: () => {
        runs++;
      },
    });
    for (const [name, schedule] of Object.entries(refused)) app.timer(name, { schedule, handler: () => {} });
  });
});
afterAll(() => host.close());

test('a schedule that names a setting runs by itself', async () => {
  expect(host.functions).toEqual([{ name: 'everySecond', kind: 'timer', schedule: '* * * * * *' }]);
  await until(() => runs >= 2);
});

test.each(Object.keys(refused))(
  'a schedule that is not valid drops its function, "%s", with a line at start',
  (name) => {
    expect(lines).toContainEqual({
      level: 'error',
      message: expect.stringContaining(`Error indexing method 'Functions.${name}'`),
    });
  },
);
