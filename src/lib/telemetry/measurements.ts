import type { LogFields } from './telemetry.ts';

/** One value of a custom metric. There are few dimensions and few values of each, none of them an id. */
export interface Measurement {
  readonly name: 'deliveries' | 'delivery_bytes' | 'signature_age_s' | 'commit_ms' | 'clone_ms' | 'reconciled';
  readonly value: number;
  readonly dimensions: Readonly<Record<string, string>>;
}

const CLONE = 'POST /v1/voices/add';
const DURABLE = new Set<LogFields[string]>(['stored', 'duplicate', 'kept-beside', 'quarantined']);

/** All custom metrics, from the facts that the log lines are made of. */
export function measurementsOf(message: string, fields: LogFields): Measurement[] {
  switch (message) {
    case 'delivery':
      return ofDelivery(fields, fields['unknown_type'] === true ? undefined : fields['event']);
    case 'pre-call':
      return ofDelivery(fields, 'pre_call');
    case 'elevenlabs':
      return fields['operation'] === CLONE && fields['status'] === 200 ? measurement('clone_ms', fields['ms'], {}) : [];
    case 'reconcile':
      return fields['what'] === 'run' ? [] : ofReconciliation(fields);
    default:
      return [];
  }
}

/** A part of a call that was not here. */
function ofReconciliation({ outcome, what }: LogFields): Measurement[] {
  return measurement('reconciled', 1, { outcome: String(outcome), what: String(what) });
}

/** A type that the app does not know is as good as none: it could be any text. */
function ofDelivery(fields: LogFields, event: LogFields[string]): Measurement[] {
  const { outcome, code } = fields;
  const kind = { event: String(event ?? 'unknown'), outcome: String(outcome) };
  return [
    ...measurement('deliveries', 1, code === undefined ? kind : { ...kind, code: String(code) }),
    ...measurement('delivery_bytes', fields['bytes'], kind),
    ...measurement('signature_age_s', fields['signature_age_s'], kind),
    ...(DURABLE.has(outcome) ? measurement('commit_ms', fields['commit_ms'], kind) : []),
  ];
}

function measurement(
  name: Measurement['name'],
  value: LogFields[string],
  dimensions: Measurement['dimensions'],
): Measurement[] {
  return typeof value === 'number' ? [{ name, value, dimensions }] : [];
}
