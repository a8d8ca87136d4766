import { expect, it } from 'vitest';
import { measurementsOf } from '../../../src/lib/telemetry/measurements.ts';
import type { DeliveryFact } from '../../../src/lib/telemetry/telemetry.ts';

const stored: DeliveryFact = {
  event: 'post_call_transcription',
  outcome: 'stored',
  code: undefined,
  bytes: 20_000,
  signatureAgeSeconds: 2,
  commitMs: 30,
};

it('a delivery is counted, with its bytes, the age of its signature and the time of its commit', () => {
  const dimensions = { event: 'post_call_transcription', outcome: 'stored' };
  expect(measurementsOf(stored)).toEqual([
    { name: 'deliveries', value: 1, dimensions },
    { name: 'delivery_bytes', value: 20_000, dimensions },
    { name: 'signature_age_s', value: 2, dimensions },
    { name: 'commit_ms', value: 30, dimensions },
  ]);
});

it('a delivery that did not pass the gates is counted with its code alone', () => {
  const none = { event: undefined, bytes: undefined, signatureAgeSeconds: undefined, commitMs: undefined };
  expect(measurementsOf({ ...none, outcome: 'refused', code: 'signature_missing' })).toEqual([
    { name: 'deliveries', value: 1, dimensions: { event: 'unknown', outcome: 'refused', code: 'signature_missing' } },
  ]);
});

it('what was not kept has no time of a commit', () => {
  for (const outcome of ['off', 'failed', 'refused']) {
    const names = measurementsOf({ ...stored, outcome }).map(({ name }) => name);
    expect(names).toEqual(['deliveries', 'delivery_bytes', 'signature_age_s']);
  }
});

it('an unknown type does not become a dimension', () => {
  const dimensions = measurementsOf({ ...stored, event: undefined }).map((each) => each.dimensions['event']);
  expect(dimensions).toEqual(Array(4).fill('unknown'));
});
