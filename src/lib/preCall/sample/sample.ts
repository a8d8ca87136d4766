import { WebhookError } from '../../errors.ts';
import { type AudioFormat, audioFormatOf, CONTENT_TYPES } from './audioFormat.ts';
import { SampleMeter } from './sampleMeter.ts';

export interface SampleLimits {
  /** Of the decoded sample: VOICE_CLONE_MAX_SIZE_MB × 1024 × 1024. */
  readonly maxBytes: number;
  /** VOICE_CLONE_MIN_DURATION */
  readonly minSeconds: number;
}

/** A sample that may be cloned, as its bytes have it. */
export interface Sample {
  readonly format: AudioFormat;
  readonly contentType: (typeof CONTENT_TYPES)[AudioFormat];
  readonly extension: AudioFormat;
  readonly durationSeconds: number;
  /** Whether the sender's `duration_seconds` is another one: worth a log line, no reason to refuse. */
  readonly declarationDisagrees: boolean;
}

type SampleProblem =
  | 'sample_too_large'
  | 'sample_unsupported_format'
  | 'sample_undecodable'
  | 'sample_too_short'
  | 'sample_too_long';

/** A sample that cannot be cloned. The message is for the caller and holds nothing of the sample. */
export class SampleError extends WebhookError {
  constructor(code: SampleProblem, message: string) {
    super(code, 400, message);
  }
}

const MAX_SECONDS = 180;
const DECLARED_TOLERANCE_SECONDS = 0.5;
const DECLARED_TOLERANCE = 0.1;
const BYTES_PER_MB = 1024 * 1024;

/** One for the process: its threads hold nothing of a sample once it is measured. */
const meter = new SampleMeter();

/** Starts what the first check would wait for (about 0.1 s): for when the app loads. */
export function prepareSampleChecks(): void {
  meter.warmUp();
}

/**
 * Looks at the sample itself: size, format by content, duration as measured. What the sender declares decides nothing.
 *
 * @throws {SampleError}
 */
export async function checkSample(bytes: Uint8Array, limits: SampleLimits, declaredSeconds?: number): Promise<Sample> {
  if (bytes.length > limits.maxBytes) {
    throw new SampleError('sample_too_large', `Voice sample too large (max ${megabytes(limits.maxBytes)} MB allowed)`);
  }
  const format = audioFormatOf(bytes);
  if (format === undefined) {
    throw new SampleError('sample_unsupported_format', 'Voice sample format not supported (WAV, MP3 or OGG required)');
  }
  const measured = await meter.measure(bytes, format);
  if (measured === undefined) throw new SampleError('sample_undecodable', 'Voice sample could not be decoded');
  const { durationSeconds } = measured;
  if (durationSeconds < limits.minSeconds) {
    throw new SampleError('sample_too_short', `Voice sample too short (min ${limits.minSeconds} seconds required)`);
  }
  if (durationSeconds > MAX_SECONDS) {
    throw new SampleError('sample_too_long', `Voice sample too long (max ${MAX_SECONDS} seconds allowed)`);
  }
  return {
    format,
    contentType: CONTENT_TYPES[format],
    extension: format,
    durationSeconds,
    declarationDisagrees: declaredSeconds !== undefined && disagree(declaredSeconds, durationSeconds),
  };
}

function disagree(declaredSeconds: number, durationSeconds: number): boolean {
  const tolerance = Math.max(DECLARED_TOLERANCE_SECONDS, durationSeconds * DECLARED_TOLERANCE);
  return !(Math.abs(declaredSeconds - durationSeconds) <= tolerance); // NaN disagrees
}

function megabytes(bytes: number): number {
  return Math.round((bytes / BYTES_PER_MB) * 100) / 100;
}
