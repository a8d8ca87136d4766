import { SignatureError } from '../errors.ts';

/** The header's parts, well-formed but not yet verified. */
export interface SignatureHeader {
  /** Unix seconds exactly as received: these characters are part of what is signed. */
  readonly timestamp: string;
  /** One or more `v0` values of 32 bytes each. */
  readonly signatures: readonly Buffer[];
}

export const SIGNATURE_HEADER = 'elevenlabs-signature';

const MAX_HEADER_LENGTH = 4096;
const MAX_SIGNATURES = 10;

/**
 * Reads `t=<unix seconds>,v0=<hex>` by the grammar of contract §4 (source: E§2).
 *
 * @throws {SignatureError} `signature_missing` or `signature_malformed`.
 */
export function parseSignatureHeader(value: string | null): SignatureHeader {
  if (value === null || value === '') {
    throw new SignatureError('signature_missing', 401, 'The request carries no signature.', {
      hint: 'Usual causes: the sender is not ElevenLabs, the webhook was created without HMAC, or a proxy drops the header.',
    });
  }
  if (value.length > MAX_HEADER_LENGTH) throw malformed(`it is longer than ${MAX_HEADER_LENGTH} characters`);

  let timestamp: string | undefined;
  const signatures: Buffer[] = [];
  for (const part of value.split(',').map((text) => text.trim())) {
    const equals = part.indexOf('=');
    if (equals < 1) throw malformed('a part is not of the form name=value');
    const name = part.slice(0, equals);
    const content = part.slice(equals + 1);
    if (name === 't') {
      if (timestamp !== undefined) throw malformed('it has more than one t');
      if (!/^[0-9]{1,12}$/.test(content)) throw malformed('t is not 1 to 12 digits');
      timestamp = content;
    } else if (name === 'v0') {
      if (!/^[0-9a-fA-F]{64}$/.test(content)) throw malformed('a v0 is not 64 hex digits');
      signatures.push(Buffer.from(content, 'hex'));
    }
  }
  if (timestamp === undefined) throw malformed('it has no t');
  if (signatures.length === 0) throw malformed('it has no v0');
  if (signatures.length > MAX_SIGNATURES) throw malformed(`it has more than ${MAX_SIGNATURES} v0`);
  return { timestamp, signatures };
}

function malformed(reason: string): SignatureError {
  return new SignatureError('signature_malformed', 401, 'The signature header is malformed.', {
    hint: `The elevenlabs-signature header is malformed: ${reason}. Usual cause: the sender is not ElevenLabs.`,
  });
}
