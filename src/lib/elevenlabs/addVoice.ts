import { parseAnswer } from './answer.ts';
import { AddVoiceError, type AddVoiceOutcome, ElevenLabsError, type Failure } from './errors.ts';
import { type EncodedForm, encodeForm } from './multipart.ts';
import { type AddedVoice, addedVoiceSchema } from './schemas.ts';
import type { Call, Transport } from './transport.ts';

export interface NewVoice {
  readonly name: string;
  readonly sample: Uint8Array;
  /** With an extension that fits: ElevenLabs refuses a part without a file name or type (docs/facts/elevenlabs.md#voices). */
  readonly fileName: string;
  readonly contentType: string;
  readonly labels: Readonly<Record<string, string>>;
}

const OPERATION = 'POST /v1/voices/add';

/** The request never left: no connection came about. */
const NOT_SENT = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|CERT_|ERR_TLS_)/;

/**
 * `POST /v1/voices/add` once (docs/facts/elevenlabs.md#voices), and what is known of the clone when that fails.
 *
 * @throws {AddVoiceError}
 */
export async function addVoice(transport: Transport, voice: NewVoice, call: Call): Promise<AddedVoice> {
  if (call.signal.aborted) throw new AddVoiceError(notAsked(call.signal), 'refused');
  try {
    const body = await transport.exchange({ method: 'POST', path: '/v1/voices/add', form: formOf(voice) }, call, 1);
    return parseAnswer(OPERATION, body, addedVoiceSchema);
  } catch (error) {
    throw error instanceof ElevenLabsError ? new AddVoiceError(error, outcomeOf(error)) : error;
  }
}

function formOf(voice: NewVoice): EncodedForm {
  const fields = { name: voice.name, labels: JSON.stringify(voice.labels) };
  return encodeForm(fields, { files: { ...voice, bytes: voice.sample } });
}

function outcomeOf(error: ElevenLabsError): AddVoiceOutcome {
  if (error.status !== undefined) {
    const isDecision = error.status >= 400 && error.status < 500 && error.status !== 408;
    return isDecision ? 'refused' : 'unknown';
  }
  const code = (error.cause as { code?: unknown } | undefined)?.code; // of undici and Node: a string when there is one
  return typeof code === 'string' && NOT_SENT.test(code) ? 'refused' : 'unknown';
}

function notAsked(signal: AbortSignal): Failure {
  const what = 'was not asked, because the deadline had passed,';
  return { reason: 'upstream_unavailable', operation: OPERATION, what, retryable: true, cause: signal.reason };
}
