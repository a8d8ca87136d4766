import { afterAll, beforeAll, expect, it } from 'vitest';
import { send } from '../support/context.ts';
import { type PreCallApp, startDeployedApp } from '../support/preCallContext.ts';

const WARNINGS_OF_PRE_CALL = ['ELEVENLABS_PRECALL_WEBHOOK_SECRET', 'PRECALL_AGENT_IDS'];
const WARNINGS = ['WEBHOOK_TOLERANCE_SECONDS', 'LOG_FORMAT', 'SWEEP_SCHEDULE', ...WARNINGS_OF_PRE_CALL];

let app: PreCallApp;
beforeAll(async () => {
  app = await startDeployedApp({
    SWEEP_SCHEDULE: '0 0 0 L * *',
    LOG_FORMAT: 'xml',
    WEBHOOK_TOLERANCE_SECONDS: '999999999',
  });
});
afterAll(() => app.close());

const ask = (path: string, method = 'GET') => send(app.context, '', { method, path, header: null });

it.each(['/health', '/elevenlabs/health'])('an app with warnings is green at %s, which names them', async (path) => {
  const answer = await ask(path);
  expect(answer.status).toBe(200);
  expect(answer.headers['cache-control']).toBe('no-store');
  expect(answer.json).toEqual({
    status: 'healthy',
    service: 'elevenlabs-webhook',
    version: 'source',
    warnings: WARNINGS,
    checks: { settings: { status: 'pass' }, storage: { status: 'pass' } },
    'elevenlabs-precall-webhook': { status: 'healthy' },
    reconciliation: { status: 'off' },
    initiation: { status: 'off' },
  });
  expect(await ask(path, 'HEAD')).toMatchObject({ status: 200, text: '' });
});

it('it is green at /elevenlabs/precall/health, which names those of pre-call', async () => {
  const answer = await ask('/elevenlabs/precall/health');
  expect(answer.status).toBe(200);
  expect(answer.json).toEqual({
    status: 'healthy',
    service: 'elevenlabs-precall-webhook',
    warnings: WARNINGS_OF_PRE_CALL,
  });
  expect(await ask('/elevenlabs/precall/health', 'HEAD')).toMatchObject({ status: 200, text: '' });
});

it('a schedule that the Functions host would refuse is replaced by the default', () => {
  expect(app.context.host.functions).toContainEqual({ name: 'sweep', kind: 'timer', schedule: '0 */5 * * * *' });
});

it.each(['/elevenlabs/health', '/elevenlabs/precall/health'])('%s takes GET and HEAD alone', async (path) => {
  expect([404, 405]).toContain((await ask(path, 'POST')).status);
});
