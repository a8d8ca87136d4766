import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { readBlobName } from '../../../../src/lib/calls/blobName.ts';
import type { StorageAreas } from '../../../../src/lib/settings/storageAreas.ts';
import { isNoContainer, isNotFound } from '../../../../src/lib/storage/blobStorage.ts';
import { isTombstone } from '../../../../src/lib/storage/erasures.ts';
import type { StorageAccess } from '../../storageAccess.ts';
import { type ByteRange, readRange } from './byteRange.ts';
import { PageError } from './pageError.ts';

interface Blob {
  readonly container: string;
  readonly name: string;
}

interface Properties {
  readonly bytes: number;
  readonly etag: string;
  readonly sha256: string | undefined;
}

/**
 * Streams a blob of a call, or of quarantine, as it comes from storage: nothing is held but what is under way. A part of it when
 * the request has a range. With `isDownload` as a file, which breaks off when its bytes are not those that were stored.
 *
 * @throws PageError 404 for everything else that an account may hold, 416 for a range outside of it.
 */
export async function sendBlob(
  access: StorageAccess,
  blob: Blob,
  { request, response, isDownload }: { request: IncomingMessage; response: ServerResponse; isDownload: boolean },
): Promise<void> {
  if (!isOfCalls(access.areas, blob)) throw notStored();
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const properties = await propertiesOf(access, blob, gone.signal);
  const { bytes, etag, sha256 } = properties;
  const ifRange = request.headers['if-range'];
  const isUnchanged = ifRange === undefined || ifRange === etag;
  const range = isUnchanged ? readRange(request.headers.range, bytes) : undefined;
  if (range === 'outside')
    throw new PageError(416, 'The recording has no such part.', { 'content-range': `bytes */${bytes}` });
  const { first, length } = range ?? { first: 0, length: bytes };
  response.writeHead(range === undefined ? 200 : 206, {
    'content-type': contentTypeOf(blob),
    'content-length': length,
    'accept-ranges': 'bytes',
    etag,
    'content-disposition': isDownload || !isSound(blob) ? `attachment; filename="${fileNameOf(blob)}"` : 'inline',
    ...(range === undefined ? {} : { 'content-range': `bytes ${first}-${first + length - 1}/${bytes}` }),
  });
  if (request.method === 'HEAD' || length === 0) {
    response.end();
    return;
  }
  const body = await open(access, blob, { first, length }, etag, gone.signal);
  const checks = isDownload && range === undefined && sha256 !== undefined ? [untilChecked(sha256)] : [];
  await pipeline([body, ...checks, response]).catch((error: unknown) => {
    if (!gone.signal.aborted) throw error;
  });
}

/** Nothing else of the account: neither state, which has the key of the callers' directory, nor what is being staged. */
function isOfCalls({ transcripts, audio, callFailures, quarantine }: StorageAreas, { container, name }: Blob): boolean {
  const within = (path: StorageAreas['audio']) =>
    path.container === container && name.startsWith(path.prefix) ? name.slice(path.prefix.length) : undefined;
  const isNamed = [transcripts, audio, callFailures].some((path) => readBlobName(within(path) ?? '') !== undefined);
  return isNamed || (within(quarantine) ?? '') !== '';
}

async function propertiesOf(
  { storage }: StorageAccess,
  { container, name }: Blob,
  signal: AbortSignal,
): Promise<Properties> {
  try {
    const found = await storage.attempt(
      container,
      async (client, abortSignal) => {
        try {
          return await client.getBlobClient(name).getProperties({ abortSignal });
        } catch (error) {
          if (isNoContainer(error)) return undefined; // it is not to be made
          throw error;
        }
      },
      { signal },
    );
    if (found === undefined || isTombstone(found.metadata ?? {})) throw notStored();
    return { bytes: found.contentLength ?? 0, etag: found.etag ?? '', sha256: found.metadata?.['sha256'] };
  } catch (error) {
    if (isNotFound(error)) throw notStored();
    throw error;
  }
}

/** The answer's time limit ends with its head: who listens to a recording may take an hour over it. */
async function open(
  { storage }: StorageAccess,
  { container, name }: Blob,
  { first, length }: ByteRange,
  etag: string,
  abortSignal: AbortSignal,
): Promise<Readable> {
  const answer = await storage.attempt(
    container,
    (client) =>
      client
        .getBlobClient(name)
        .download(first, length, { abortSignal, conditions: { ifMatch: etag }, maxRetryRequests: 5 }),
    { signal: abortSignal },
  );
  return answer.readableStreamBody as Readable; // as it is in Node, by the library's documentation
}

/** Passes bytes on, but the last of them only when all are those of the hash. */
function untilChecked(sha256: string): Transform {
  const hash = createHash('sha256');
  let held: Buffer | undefined;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      const before = held;
      held = chunk;
      done(null, before);
    },
    flush(done) {
      const isSame = hash.digest('hex') === sha256;
      done(isSame ? null : new Error('The bytes of the blob are not those whose sha256 is in its metadata.'), held);
    },
  });
}

function notStored(): PageError {
  return new PageError(404, 'This is not stored (any more).');
}

const isSound = ({ name }: Blob) => name.endsWith('.mp3');

function contentTypeOf(blob: Blob): string {
  if (isSound(blob)) return 'audio/mpeg';
  return blob.name.endsWith('.json') ? 'application/json' : 'application/octet-stream';
}

/** Letters, digits and `_-.` alone: it stands between quotes in a header. */
function fileNameOf({ name }: Blob): string {
  return name.slice(name.lastIndexOf('/') + 1).replace(/[^\w.-]/g, '_');
}
