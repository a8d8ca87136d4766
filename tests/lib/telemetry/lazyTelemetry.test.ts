import { afterEach, expect, it, vi } from 'vitest';
import { LazyTelemetry, type Sender } from '../../../src/lib/telemetry/lazyTelemetry.ts';
import { until } from '../../support/until.ts';

afterEach(() => vi.restoreAllMocks());

const PUT = { name: 'PUT blob', method: 'PUT', url: 'https://a.example/c/b', status: 201, durationMs: 5 };

const STORED = {
  event: undefined,
  outcome: 'stored',
  code: undefined,
  bytes: undefined,
  signatureAgeSeconds: undefined,
  commitMs: undefined,
};

/** Telemetry whose sender notes in which order things happen. */
function telemetryThat(fails: { loading?: boolean; sending?: boolean } = {}) {
  const events: string[] = [];
  const note = (event: string) => {
    events.push(event);
    if (fails.sending) throw new Error('a broken sender');
  };
  const sender: Sender = {
    measure: ({ name }) => note(name),
    dependency: ({ name }) => note(name),
    flush: async () => note('flush'),
  };
  const telemetry = new LazyTelemetry(async () => {
    events.push('loads');
    if (fails.loading) throw new Error('no library');
    return sender;
  });
  return { events, telemetry };
}

const turnOfTimers = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

it('loads after the first answer, and then sends what came before it', async () => {
  const { events, telemetry } = telemetryThat();
  telemetry.begun();
  telemetry.dependency(PUT);
  telemetry.delivery(STORED);
  events.push('answer');
  telemetry.ended();
  await until(() => events.length === 4);
  expect(events).toEqual(['answer', 'loads', 'PUT blob', 'deliveries']);
  telemetry.dependency(PUT);
  expect(events).toHaveLength(5);
});

it('does not load while another invocation is under way', async () => {
  const { events, telemetry } = telemetryThat();
  telemetry.begun();
  telemetry.begun();
  telemetry.ended();
  await turnOfTimers(400); // its own timer has come and gone by then
  events.push('answer');
  telemetry.ended();
  await until(() => events.includes('loads'));
  expect(events).toEqual(['answer', 'loads']);
});

it('loads at the end when there is something to send, and not when there is nothing', async () => {
  const idle = telemetryThat();
  await idle.telemetry.flush();
  expect(idle.events).toEqual([]);
  const busy = telemetryThat();
  busy.telemetry.dependency(PUT);
  await busy.telemetry.flush();
  expect(busy.events).toEqual(['loads', 'PUT blob', 'flush']);
});

it('keeps at most a thousand things for a sender that is not there yet', async () => {
  const { events, telemetry } = telemetryThat();
  for (let index = 0; index < 5_000; index++) telemetry.dependency(PUT);
  await telemetry.flush();
  expect(events).toHaveLength(1_000 + 2);
});

it('says in one line that its library could not be loaded, and is silent from then on', async () => {
  const said = vi.spyOn(console, 'error').mockImplementation(() => {});
  const { telemetry } = telemetryThat({ loading: true });
  telemetry.dependency(PUT);
  await telemetry.flush();
  for (let index = 0; index < 5_000; index++) telemetry.dependency(PUT);
  await telemetry.flush();
  expect(said.mock.calls).toEqual([['warning: telemetry is off, its library could not be loaded: Error: no library']]);
});

it('does not pass on what goes wrong in the sender', async () => {
  const { events, telemetry } = telemetryThat({ sending: true });
  telemetry.delivery(STORED);
  await telemetry.flush();
  telemetry.dependency(PUT);
  telemetry.delivery(STORED);
  expect(events).toEqual(['loads', 'deliveries', 'flush', 'PUT blob', 'deliveries']);
});
