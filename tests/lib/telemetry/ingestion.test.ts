import { afterEach, expect, it, vi } from 'vitest';
import { openAppInsights } from '../../../src/lib/telemetry/appInsights.ts';
import { boundInTime } from '../../../src/lib/telemetry/ingestion.ts';
import { startHttpFaultProxy } from '../../support/faultProxy.ts';
import { connectionStringTo, dependenciesIn, startIngestion } from '../../support/ingestion.ts';
import { until } from '../../support/until.ts';

afterEach(() => vi.restoreAllMocks());

/** The queue of the batch processor, and one batch that is on its way (their defaults in OpenTelemetry's specification). */
const MOST_WAITING = 2048 + 512;

type Policy = ReturnType<typeof boundInTime>;
type Request = Parameters<Policy['sendRequest']>[0];

it('keeps a bounded number of dependencies for an endpoint that does not answer, and sends them when it does', async () => {
  const ingestion = await startIngestion();
  const proxy = await startHttpFaultProxy(ingestion.url);
  proxy.onRequest = () => ({ kind: 'hang' });
  const sender = await openAppInsights({ connectionString: connectionStringTo(proxy.url), identity: undefined });
  for (let index = 0; index < 20_000; index++) {
    const url = `https://account.blob.core.windows.net/transcripts/agent/conv_${index}.json`;
    const dependency = { name: 'PUT blob', method: 'PUT', url, status: 201, durationMs: 5 };
    sender.dependency(dependency, { endedAt: Date.now(), operation: undefined });
  }
  await until(() => proxy.requests.length > 0);
  proxy.onRequest = () => undefined;
  await sender.flush();
  const arrived = dependenciesIn(ingestion.envelopes()).length;
  expect(arrived).toBeGreaterThan(1_000);
  expect(arrived).toBeLessThanOrEqual(MOST_WAITING);
  await Promise.all([proxy.close(), ingestion.close()]);
});

it('ends a batch that gets no answer, and says once that nothing arrives', async () => {
  const said = vi.spyOn(console, 'error').mockImplementation(() => {});
  const policy = boundInTime(20);
  const never = (request: Request) =>
    new Promise<never>((_, reject) => {
      request.abortSignal?.addEventListener('abort', () => reject(new Error('aborted')));
    });
  const alive = setInterval(() => {}, 1_000); // the time limit alone does not keep a process alive
  for (let batch = 0; batch < 3; batch++) {
    await expect(policy.sendRequest({} as Request, never)).rejects.toThrow('aborted'); // it only sets the signal
  }
  clearInterval(alive);
  expect(said.mock.calls).toEqual([['warning: telemetry cannot be delivered: aborted']]);
});
