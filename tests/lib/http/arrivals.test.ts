import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { expect, it, vi } from 'vitest';
import { type Arrival, Arrivals } from '../../../src/lib/http/arrivals.ts';
import { until } from '../../support/until.ts';

const newArrival = (): Arrival => ({
  request: {} as IncomingMessage,
  response: new EventEmitter() as ServerResponse,
  handOver: () => {},
  refusal: undefined,
  beganAtMs: 0,
});
const never = { waitMs: 60_000, onAlone: () => expect.unreachable() };

it('a request meets an invocation that begins later', async () => {
  const arrivals = new Arrivals();
  const arrival = newArrival();
  arrivals.add('id', arrival, never);
  expect(await arrivals.meet('id', 0)).toBe(arrival);
  expect(arrivals.get('id')).toBe(arrival);
});

it('an invocation meets a request that comes later', async () => {
  const arrivals = new Arrivals();
  const arrival = newArrival();
  const met = arrivals.meet('id', 60_000);
  arrivals.add('id', arrival, never);
  expect(await met).toBe(arrival);
});

it('a request that stays alone is told of and forgotten', async () => {
  const arrivals = new Arrivals();
  const onAlone = vi.fn();
  arrivals.add('id', newArrival(), { waitMs: 1, onAlone });
  await until(() => onAlone.mock.calls.length > 0);
  expect(arrivals.get('id')).toBeUndefined();
  await expect(arrivals.meet('id', 1)).rejects.toThrow('did not arrive within');
});

it('an invocation that stays alone ends, and a request that comes after it has none', async () => {
  const arrivals = new Arrivals();
  await expect(arrivals.meet('id', 1)).rejects.toThrow('did not arrive within 0.001 s');
  const onAlone = vi.fn();
  arrivals.add('id', newArrival(), { waitMs: 1, onAlone });
  await until(() => onAlone.mock.calls.length > 0);
});

it('a request is forgotten once it is answered, and not told of', async () => {
  const arrivals = new Arrivals();
  const arrival = newArrival();
  const onAlone = vi.fn();
  arrivals.add('id', arrival, { waitMs: 5, onAlone });
  arrival.response.emit('close');
  expect(arrivals.get('id')).toBeUndefined();
  const later = vi.fn();
  arrivals.add('later', newArrival(), { waitMs: 10, onAlone: later });
  await until(() => later.mock.calls.length > 0);
  expect(onAlone).not.toHaveBeenCalled();
});

it('a later request under the same id is not forgotten with the earlier one', () => {
  const arrivals = new Arrivals();
  const [earlier, later] = [newArrival(), newArrival()];
  arrivals.add('id', earlier, never);
  arrivals.add('id', later, never);
  earlier.response.emit('close');
  expect(arrivals.get('id')).toBe(later);
});
