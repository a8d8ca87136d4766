import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CallBlob } from '../../../src/lib/calls/call.ts';
import { listErasures } from '../../../src/lib/calls/erasureRecord.ts';
import { findCalls } from '../../../src/lib/calls/findCalls.ts';
import { readWhole } from '../../../src/lib/storage/readWhole.ts';
import { Failure, UsageError } from '../../command/errors.ts';
import { note, printJson, progress } from '../../command/output.ts';
import { audioBody } from '../send/audioBody.ts';
import { type Body, bodyOf } from '../send/body.ts';
import { deliver } from '../send/deliver.ts';
import { sign } from '../send/sign.ts';
import { findSecret, readTarget } from '../send/target.ts';
import type { StorageAccess } from '../storageAccess.ts';
import { filterOfAll } from './filter.ts';
import { oneCall } from './one.ts';
import type { CallValues } from './options.ts';
import { summaryOf } from './quarantine.ts';

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);
const PARTS = /\.(around\.json|undecoded\.bin|mp3)$/;

/** Sends stored bodies again, oldest first, one after the other, signed anew; 1 when anything was refused. */
export async function replayCalls(
  access: StorageAccess,
  values: CallValues,
  what: string | undefined,
): Promise<number> {
  if (values.url === undefined) throw new UsageError('replay needs --to URL (or, for quarantine, --in-place)');
  const target = readTarget(values.url);
  const blobs = await chosen(access, values, what);
  if (blobs.length === 0) throw new Failure('Nothing is stored that fits.');
  if (!values.yes && !LOOPBACK.has(target.webhook.hostname)) {
    for (const { container, name } of blobs) console.log(`POST ${target.webhook}  ${container}/${name}`);
    note(`${blobs.length} bodies would leave this machine for ${target.webhook.host}: --yes sends them.`);
    return 0;
  }
  const secret = findSecret({ given: values.secret, endpoint: 'postCall' }, target, process.env);
  const ids = new Map<string, string>();
  const counts: Record<string, number> = {};
  for (const [index, blob] of blobs.entries()) {
    progress(`${index} of ${blobs.length} sent`);
    const began = performance.now();
    const status = await send(access, blob, { url: target.webhook, secret, ids: values['new-ids'] ? ids : undefined });
    counts[status] = (counts[status] ?? 0) + 1;
    if (values.json) printJson({ blob: `${blob.container}/${blob.name}`, status });
    else if (status !== '200') note(`${status}  ${blob.container}/${blob.name}`);
    if (values.rate !== undefined) await sleep(Math.max(0, 1000 / values.rate - (performance.now() - began)));
  }
  progress('');
  if (values.json) printJson({ summary: counts });
  else console.log(summaryOf(counts, 'Nothing was sent.'));
  return Object.keys(counts).every((status) => status === '200') ? 0 : 1;
}

/** Of calls all bodies, of quarantine the whole ones; never of a call that was erased. */
async function chosen(access: StorageAccess, values: CallValues, what: string | undefined): Promise<CallBlob[]> {
  const { storage, areas } = access;
  const erased = new Set<string>();
  for await (const { conversationId } of listErasures({ storage, path: areas.state })) erased.add(conversationId);
  const isQuarantine = what === 'quarantine';
  const isChosen = what !== undefined && !isQuarantine;
  const filter = filterOfAll(values, access);
  if (
    !isChosen &&
    !isQuarantine &&
    filter.since === undefined &&
    values.caller === undefined &&
    values.text === undefined
  ) {
    throw new UsageError('replay needs the id of a conversation, quarantine, --since, --caller or --text');
  }
  const calls = isChosen
    ? [await oneCall(access, what, values.agent)]
    : (await findCalls(storage, areas, filter, { limit: values.limit ?? Number.MAX_SAFE_INTEGER })).calls;
  return calls
    .filter(({ conversationId }) => !erased.has(conversationId))
    .flatMap(({ blobs }) => blobs)
    .filter(({ form, name, metadata }) =>
      isQuarantine
        ? form === 'quarantine' &&
          !PARTS.test(name) &&
          (values.reason ?? metadata['quarantine_reason']) === metadata['quarantine_reason']
        : form !== 'quarantine',
    )
    .sort((one, other) => one.storedAt.getTime() - other.storedAt.getTime());
}

interface Sending {
  readonly url: URL;
  readonly secret: string;
  /** New ids for old ones; undefined to keep them. */
  readonly ids: Map<string, string> | undefined;
}

/** @returns the status of the answer, or `no answer`. */
async function send({ storage }: StorageAccess, blob: CallBlob, { url, secret, ids }: Sending): Promise<string> {
  const { container, name, form } = blob;
  const stored = await storage.attempt(container, (client, signal) => readWhole(client.getBlobClient(name), signal));
  const id = idOf(blob);
  const newId = ids && id !== undefined ? (ids.get(id) ?? `conv_replay${randomUUID().replaceAll('-', '')}`) : undefined;
  if (ids && id !== undefined && newId !== undefined) ids.set(id, newId);
  const body = form === 'recording' ? recordingOf(stored, blob, newId) : bodyOf(renamed(stored, id, newId));
  const signature = await sign(body.chunks(), secret, Math.floor(Date.now() / 1000));
  const headers = { 'content-type': 'application/json', 'elevenlabs-signature': signature };
  try {
    return String((await deliver({ url, headers, body, chunked: form === 'recording' })).status);
  } catch {
    return 'no answer';
  }
}

function idOf({ metadata, name, form }: CallBlob): string | undefined {
  if (metadata['conversation_id'] !== undefined || form === 'quarantine') return metadata['conversation_id'];
  return name.slice(name.lastIndexOf('/') + 1).split('.')[0];
}

/** The event that it came in, made from the MP3 and its metadata. */
function recordingOf(mp3: Buffer, blob: CallBlob, newId: string | undefined): Body {
  const folders = blob.name.split('/');
  return audioBody({
    mp3,
    conversationId: newId ?? idOf(blob) ?? '',
    agentId: blob.metadata['agent_id'] ?? folders.at(-2) ?? '',
    eventTimestamp: Number(blob.metadata['event_timestamp'] ?? Math.floor(blob.storedAt.getTime() / 1000)),
  });
}

/** Wherever the id occurs as text: it is of letters, digits, `_` and `-`, which JSON writes as they are. */
function renamed(body: Buffer, id: string | undefined, newId: string | undefined): Buffer {
  return id === undefined || newId === undefined ? body : Buffer.from(body.toString().replaceAll(id, newId));
}
