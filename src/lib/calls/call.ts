import type { CallDetails } from '../postCall/callDetails.ts';

export type StoredForm = 'transcript' | 'otel' | 'recording' | 'failure' | 'quarantine';

/** One blob of a call. */
export interface CallBlob {
  readonly form: StoredForm;
  readonly container: string;
  readonly name: string;
  readonly isBeside: boolean;
  readonly bytes: number;
  readonly storedAt: Date;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Everything that is stored of one conversation, whatever came of it. */
export interface Call {
  readonly conversationId: string;
  readonly agentId: string;
  /** Of a failure or a lone recording the event's time. */
  readonly startedAt: Date | undefined;
  /** When the first of it was stored. */
  readonly storedAt: Date;
  readonly details: CallDetails;
  readonly has: Readonly<Record<StoredForm, boolean>>;
  /** What there should be of it, judged by the rest. */
  readonly missing: readonly ('transcript' | 'recording')[];
  readonly blobs: readonly CallBlob[];
}

interface Key {
  readonly agentId: string;
  readonly conversationId: string;
}

/** Which blob of a call describes it best. */
const TELLING: readonly StoredForm[] = ['transcript', 'otel', 'failure', 'recording', 'quarantine'];

/** Puts together what is stored of one conversation, at least one blob. `details` are those of {@link describing}. */
export function callOf({ agentId, conversationId }: Key, blobs: readonly CallBlob[], details: CallDetails): Call {
  const has = (form: StoredForm) => blobs.some((blob) => blob.form === form);
  const all = {
    transcript: has('transcript'),
    otel: has('otel'),
    recording: has('recording'),
    failure: has('failure'),
    quarantine: has('quarantine'),
  };
  const hasText = all.transcript || all.otel;
  const missesRecording = hasText && !all.recording && details['call_has_audio'] === 'true';
  return {
    conversationId,
    agentId,
    startedAt: startOf(blobs, details),
    storedAt: new Date(Math.min(...blobs.map(({ storedAt }) => storedAt.getTime()))),
    details,
    has: all,
    missing: [
      ...(all.recording && !hasText ? (['transcript'] as const) : []),
      ...(missesRecording ? (['recording'] as const) : []),
    ],
    blobs,
  };
}

/** The blob that describes the call; its metadata, or else its body, has the details. */
export function describing(blobs: readonly CallBlob[]): CallBlob | undefined {
  const byForm = TELLING.map((form) => blobs.filter((blob) => blob.form === form));
  const best = byForm.find((found) => found.length > 0) ?? [];
  return best.find(({ isBeside }) => !isBeside) ?? best[0];
}

/** The details that a blob's metadata has. */
export function detailsIn(metadata: Readonly<Record<string, string>>): CallDetails {
  return Object.fromEntries(Object.entries(metadata).filter(([name]) => name.startsWith('call_')));
}

function startOf(blobs: readonly CallBlob[], details: CallDetails): Date | undefined {
  const stated = details['call_started_at'];
  if (stated !== undefined && !Number.isNaN(Date.parse(stated))) return new Date(stated);
  const blob = describing(blobs);
  if (blob === undefined || blob.form === 'transcript' || blob.form === 'otel') return undefined;
  const seconds = Number(blob.metadata['event_timestamp'] ?? Number.NaN);
  return Number.isNaN(seconds) ? undefined : new Date(seconds * 1000);
}

/** By which calls are sorted and chosen: when it began, else when it was stored. */
export function timeOf({ startedAt, storedAt }: Pick<Call, 'startedAt' | 'storedAt'>): number {
  return (startedAt ?? storedAt).getTime();
}
