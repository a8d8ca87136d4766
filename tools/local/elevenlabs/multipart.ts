import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream/promises';
import busboy from 'busboy';

/** A part that came as a file, or that should have. */
interface SamplePart {
  readonly fileName: string | undefined;
  /** Undefined when the part had none of its own. */
  readonly contentType: string | undefined;
  readonly sizeBytes: number;
  readonly sha256: string;
}

export interface VoiceForm {
  readonly fields: ReadonlyMap<string, string>;
  readonly samples: readonly SamplePart[];
}

/** What busboy and undici write for a part whose type nobody has given. */
const NO_TYPE = new Set(['text/plain', 'application/octet-stream']);

/** Reads the form of `POST /v1/voices/add`. @throws {Error} when it is not a valid multipart form. */
export async function readVoiceForm(request: IncomingMessage): Promise<VoiceForm> {
  const fields = new Map<string, string>();
  const samples: SamplePart[] = [];
  const parser = busboy({ headers: request.headers, limits: { fileSize: 50 * 1024 * 1024, parts: 40 } });
  parser.on('field', (name, value) => fields.set(name, value));
  parser.on('file', (name, stream, info) => {
    const hash = createHash('sha256');
    let sizeBytes = 0;
    stream.on('error', () => {}); // the pipeline fails with it
    stream.on('data', (chunk: Buffer) => {
      hash.update(chunk);
      sizeBytes += chunk.length;
    });
    stream.on('end', () => {
      if (name !== 'files' && name !== 'files[]') return;
      samples.push({
        fileName: info.filename || undefined,
        contentType: NO_TYPE.has(info.mimeType) ? undefined : info.mimeType,
        sizeBytes,
        sha256: hash.digest('hex'),
      });
    });
  });
  await pipeline(request, parser);
  return { fields, samples };
}
