import { randomBytes } from 'node:crypto';
import { extname } from 'node:path';

/** Both forms of the request of issue 4. */
export const preCallForms = ['pre-call', 'pre-call-multipart'] as const;
export type PreCallForm = (typeof preCallForms)[number];

export interface PreCallParts {
  /** The request without its sample. */
  metadata: object;
  sample: Uint8Array;
  /** Names the sample's file; its extension says which type is declared. */
  fileName: string;
}

export interface PreCallBody {
  content: Uint8Array;
  contentType: string;
}

const contentTypes: Record<string, string> = { '.wav': 'audio/wav', '.mp3': 'audio/mpeg', '.ogg': 'audio/ogg' };

/** A pre-call request, as JSON with the sample in base64 or as a multipart form with the sample as it is. */
export function preCallBody(form: PreCallForm, parts: PreCallParts): PreCallBody {
  return form === 'pre-call' ? asJson(parts) : asMultipart(parts);
}

function asJson({ metadata, sample }: PreCallParts): PreCallBody {
  const voice_sample = { format: 'base64', data: Buffer.from(sample).toString('base64') };
  return { content: Buffer.from(JSON.stringify({ ...metadata, voice_sample })), contentType: 'application/json' };
}

function asMultipart({ metadata, sample, fileName }: PreCallParts): PreCallBody {
  const extension = extname(fileName).toLowerCase();
  const boundary = `----pre-call-${randomBytes(16).toString('hex')}`;
  const head = [
    `--${boundary}`,
    'Content-Disposition: form-data; name="metadata"',
    'Content-Type: application/json',
    '',
    JSON.stringify(metadata),
    `--${boundary}`,
    // The user's own name for the file is nobody's business.
    `Content-Disposition: form-data; name="voice_sample"; filename="sample${contentTypes[extension] ? extension : ''}"`,
    `Content-Type: ${contentTypes[extension] ?? 'application/octet-stream'}`,
    '',
    '',
  ];
  return {
    content: Buffer.concat([Buffer.from(head.join('\r\n')), sample, Buffer.from(`\r\n--${boundary}--\r\n`)]),
    contentType: `multipart/form-data; boundary=${boundary}`,
  };
}
