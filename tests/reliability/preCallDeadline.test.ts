import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { INSTANCE_HEADER, type PreCallApp, startInstances } from '../support/preCallContext.ts';
import { deliver, newPreCall } from './deliveries.ts';
import { openWiredInstance } from './wires.ts';

/** Retries that would go on for longer than this test may take. */
const ENDLESS = { totalMs: 600_000, tryMs: 600_000 };

let app: PreCallApp;
beforeAll(async () => {
  app = await startInstances(0, { ENABLE_VOICE_SAMPLE_STORAGE: 'true' }, { preCall: { deadlineMs: 2_000 } });
});
afterAll(() => app.close());

describe('storage that hangs in the middle of a pre-call delivery does not keep the switch waiting beyond the deadline', () => {
  it.concurrent.each(Array.from({ length: 14 }, (_, at) => at + 1))('from request %i on', async (at) => {
    const settings = { PRECALL_STATE_STORAGE_PATH: `${app.containers.state}/deadline-${at}` };
    const { wires, index, close } = await openWiredInstance(app, settings, ENDLESS);
    wires.storage.onExchange = ({ number }) =>
      number < at ? undefined : { fault: { kind: 'black-hole' }, phase: 'request', afterBytes: 0 };
    const headers = { [INSTANCE_HEADER]: String(index) };
    const { status } = await deliver(app, newPreCall(app), { headers });
    expect([200, 503]).toContain(status);
    await close();
  });
});
