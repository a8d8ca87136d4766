import type { DeliveryFact } from './telemetry.ts';

/** One value of a custom metric. There are few dimensions and few values of each, none of them an id. */
export interface Measurement {
  readonly name:
    | 'deliveries'
    | 'delivery_bytes'
    | 'signature_age_s'
    | 'commit_ms'
    | 'clone_ms'
    | 'reconciled'
    | 'initiations'
    | 'initiation_ms';
  readonly value: number;
  readonly dimensions: Readonly<Record<string, string>>;
}

const DURABLE: ReadonlySet<string> = new Set(['stored', 'duplicate', 'kept-beside', 'quarantined']);

/** The metrics of one delivery. */
export function measurementsOf({ event = 'unknown', outcome, code, ...figures }: DeliveryFact): Measurement[] {
  const kind = { event, outcome };
  const measured = [
    { name: 'delivery_bytes', value: figures.bytes },
    { name: 'signature_age_s', value: figures.signatureAgeSeconds },
    { name: 'commit_ms', value: DURABLE.has(outcome) ? figures.commitMs : undefined },
  ] as const;
  return [
    { name: 'deliveries', value: 1, dimensions: code === undefined ? kind : { ...kind, code } },
    ...measured.flatMap(({ name, value }) => (value === undefined ? [] : [{ name, value, dimensions: kind }])),
  ];
}
