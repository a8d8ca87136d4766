import { expect, it } from 'vitest';
import { measurementsOf } from '../../../src/lib/telemetry/measurements.ts';

const stored = {
  outcome: 'stored',
  event: 'post_call_transcription',
  conversation: 'conv_1',
  bytes: 20_000,
  ms: 40,
  commit_ms: 30,
  signature_age_s: 2,
  blob: 'transcripts/a/c.json',
  status: 200,
};

it('a delivery is counted, with its bytes, the age of its signature and the time of its commit', () => {
  const dimensions = { event: 'post_call_transcription', outcome: 'stored' };
  expect(measurementsOf('delivery', stored)).toEqual([
    { name: 'deliveries', value: 1, dimensions },
    { name: 'delivery_bytes', value: 20_000, dimensions },
    { name: 'signature_age_s', value: 2, dimensions },
    { name: 'commit_ms', value: 30, dimensions },
  ]);
});

it('a delivery that did not pass the gates is counted with its code alone', () => {
  expect(measurementsOf('delivery', { outcome: 'refused', status: 401, code: 'signature_missing' })).toEqual([
    { name: 'deliveries', value: 1, dimensions: { event: 'unknown', outcome: 'refused', code: 'signature_missing' } },
  ]);
});

it('what was not kept has no time of a commit', () => {
  for (const outcome of ['off', 'failed', 'refused']) {
    const names = measurementsOf('delivery', { ...stored, outcome }).map(({ name }) => name);
    expect(names).toEqual(['deliveries', 'delivery_bytes', 'signature_age_s']);
  }
});

it('a type that nobody knows is no dimension', () => {
  for (const outcome of [{ outcome: 'stored' }, { outcome: 'quarantined', code: 'unknown_type' }]) {
    const fields = { ...stored, ...outcome, event: 'Zebulon', unknown_type: true };
    expect(measurementsOf('delivery', fields).map(({ dimensions }) => dimensions['event'])).toEqual(
      Array(4).fill('unknown'),
    );
  }
});

it('a clone is measured when ElevenLabs has made it', () => {
  const exchange = { operation: 'POST /v1/voices/add', tries: 1, ms: 7000, status: 200 };
  expect(measurementsOf('elevenlabs', exchange)).toEqual([{ name: 'clone_ms', value: 7000, dimensions: {} }]);
  expect(measurementsOf('elevenlabs', { ...exchange, status: 422 })).toEqual([]);
  expect(measurementsOf('elevenlabs', { ...exchange, operation: 'GET /v2/voices' })).toEqual([]);
});

it('a finding of reconciliation is counted, and a run is not', () => {
  const finding = { outcome: 'recovered', what: 'audio', conversation: 'conv_1', bytes: 3 };
  const dimensions = { outcome: 'recovered', what: 'audio' };
  expect(measurementsOf('reconcile', finding)).toEqual([{ name: 'reconciled', value: 1, dimensions }]);
  expect(measurementsOf('reconcile', { outcome: 'ok', what: 'run' })).toEqual([]);
});

it('no other line is a measurement', () => {
  expect(measurementsOf('sweep', { outcome: 'stored', bytes: 3 })).toEqual([]);
});
