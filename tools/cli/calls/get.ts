import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { hashOfNumber, readCallerKey } from '../../../src/lib/callers/callerKey.ts';
import { stemOf } from '../../../src/lib/calls/blobName.ts';
import type { Call } from '../../../src/lib/calls/call.ts';
import { findCalls } from '../../../src/lib/calls/findCalls.ts';
import { listBlobs } from '../../../src/lib/storage/listBlobs.ts';
import { Failure, UsageError } from '../../command/errors.ts';
import { fromUser } from '../../command/option.ts';
import { note, printJson, readableSize } from '../../command/output.ts';
import type { StorageAccess } from '../storageAccess.ts';
import { filterOfAll } from './filter.ts';
import { oneCall } from './one.ts';
import type { CallValues } from './options.ts';

/** A blob, and the file that it becomes. */
interface Wanted {
  readonly container: string;
  readonly name: string;
  readonly file: string;
  readonly sha256: string | undefined;
}

const NO_LIMIT = Number.MAX_SAFE_INTEGER;

/** Writes what is stored of one call, or of all that fit, into files, each checked against its sha256. */
export async function getCalls(
  access: StorageAccess,
  values: CallValues,
  conversationId: string | undefined,
): Promise<number> {
  const isFiltered = values.caller !== undefined || values.since !== undefined || values.text !== undefined;
  if (conversationId === undefined && !isFiltered) {
    throw new UsageError('get needs the id of a conversation, or --caller, --since or --text');
  }
  const calls =
    conversationId === undefined
      ? (
          await findCalls(access.storage, access.areas, filterOfAll(values, access), {
            limit: values.limit ?? NO_LIMIT,
          })
        ).calls
      : [await oneCall(access, conversationId, values.agent)];
  const wanted = [
    ...calls.flatMap(blobsOf),
    ...(await Promise.all(calls.map((call) => samplesOf(access, call)))).flat(),
    ...(values.caller === undefined ? [] : await directoryEntry(access, filterOfAll(values, access).number ?? '')),
  ];
  if (wanted.length === 0) throw new Failure('Nothing is stored that fits.');
  const folder = values.out ?? fromUser('.');
  await mkdir(folder, { recursive: true });
  for (const blob of wanted) {
    const bytes = await download(access, blob, folder);
    const file = relative(fromUser('.'), join(folder, blob.file));
    if (values.json) printJson({ file, blob: `${blob.container}/${blob.name}`, bytes });
    else console.log(`${readableSize(bytes).padStart(8)}  ${file}`);
  }
  if (!values.json) note(`${wanted.length} file${wanted.length === 1 ? '' : 's'} written.`);
  return 0;
}

function blobsOf({ blobs }: Call): Wanted[] {
  return blobs.map(({ container, name, form, metadata }) => {
    const last = name.slice(name.lastIndexOf('/') + 1);
    const id = metadata['conversation_id'] ?? last.slice(0, last.indexOf('.'));
    const file =
      form === 'failure' ? last.replace('.', '.failure.') : form === 'quarantine' ? `${id}.quarantine.${last}` : last;
    return { container, name, file, sha256: metadata['sha256'] };
  });
}

async function samplesOf({ storage, areas: { samples } }: StorageAccess, call: Call): Promise<Wanted[]> {
  const found: Wanted[] = [];
  const where = { container: samples.container, prefix: samples.prefix + stemOf(call) };
  for await (const { name, metadata } of listBlobs(storage, where)) {
    const file = `sample.${name.slice(name.lastIndexOf('/') + 1)}`;
    found.push({ container: samples.container, name, file, sha256: metadata?.['sha256'] });
  }
  return found;
}

/** What the directory has of the caller. */
async function directoryEntry(
  { storage, areas: { state, callers } }: StorageAccess,
  number: string,
): Promise<Wanted[]> {
  const key = await readCallerKey({ storage, path: state });
  if (key === undefined) return [];
  const name = `${callers.prefix}${hashOfNumber(key, number)}.json`;
  for await (const blob of listBlobs(storage, { container: callers.container, prefix: name })) {
    if (blob.name === name) return [{ container: callers.container, name, file: 'caller.json', sha256: undefined }];
  }
  return [];
}

async function download(
  { storage }: StorageAccess,
  { container, name, file, sha256 }: Wanted,
  folder: string,
): Promise<number> {
  const path = join(folder, file);
  const partial = `${path}.${randomUUID()}.partial`;
  const hash = createHash('sha256');
  let bytes = 0;
  const hashing = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      bytes += chunk.length;
      done(null, chunk);
    },
  });
  try {
    const client = await storage.attempt(container, async (found) => found);
    const answer = await client.getBlobClient(name).download();
    await pipeline(answer.readableStreamBody ?? [], hashing, createWriteStream(partial, { flags: 'wx', mode: 0o600 }));
    if (sha256 !== undefined && hash.digest('hex') !== sha256) {
      throw new Failure(`${container}/${name} is not what was stored: its sha256 differs. Nothing of it was written.`);
    }
    await rename(partial, path);
    return bytes;
  } finally {
    await rm(partial, { force: true });
  }
}
