import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { listErasures } from '../../../src/lib/calls/erasureRecord.ts';
import { findCalls } from '../../../src/lib/calls/findCalls.ts';
import { listQuarantine } from '../../../src/lib/calls/listQuarantine.ts';
import { isReplayed } from '../../../src/lib/calls/removeReplayed.ts';
import { Failure, UsageError } from '../../command/errors.ts';
import { counted, note, printJson, progress } from '../../command/output.ts';
import { deliver } from '../send/deliver.ts';
import { sign } from '../send/sign.ts';
import { findSecret, readTarget } from '../send/target.ts';
import type { StorageAccess } from '../storageAccess.ts';
import { filterOfAll } from './filter.ts';
import { oneCall } from './one.ts';
import type { CallValues } from './options.ts';
import { chosenOfQuarantine, NOTHING, summaryOf } from './quarantine.ts';
import { type Sendable, sendableOfCall, sendableOfQuarantine } from './sendable.ts';

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);

/** Sends stored bodies again, oldest first, one after the other, signed anew; 1 when anything was refused or could not be sent. */
export async function replayCalls(
  access: StorageAccess,
  values: CallValues,
  what: string | undefined,
): Promise<number> {
  if (values.url === undefined) throw new UsageError('replay needs --to URL (or, for quarantine, --in-place)');
  const target = readTarget(values.url);
  const bodies = await chosen(access, values, what);
  if (bodies.length === 0) {
    if (what !== 'quarantine') throw new Failure('Nothing is stored that fits.');
    if (values.json) printJson({ summary: {} });
    else console.log(NOTHING);
    return 0;
  }
  if (!values.yes && !LOOPBACK.has(target.webhook.hostname)) {
    for (const { blob } of bodies) console.log(`POST ${target.webhook}  ${blob}`);
    note(
      `${counted(bodies.length, 'body', 'bodies')} would leave this machine for ${target.webhook.host}: --yes sends what is listed.`,
    );
    return 0;
  }
  const secret = findSecret({ given: values.secret, endpoint: 'postCall' }, target, process.env);
  const ids = new Map<string, string>();
  const counts: Record<string, number> = {};
  for (const [index, body] of bodies.entries()) {
    progress(`${index} of ${bodies.length} sent`);
    const began = performance.now();
    const { status, hint } = await send(body, {
      url: target.webhook,
      secret,
      ids: values['new-ids'] ? ids : undefined,
    });
    counts[status] = (counts[status] ?? 0) + 1;
    if (values.json) printJson({ blob: body.blob, status, ...(hint === undefined ? {} : { hint }) });
    else if (status !== '200') note(`${status}  ${body.blob}${hint === undefined ? '' : `  ${hint}`}`);
    if (values.rate !== undefined) await sleep(Math.max(0, 1000 / values.rate - (performance.now() - began)));
  }
  progress('');
  if (values.json) printJson({ summary: counts });
  else console.log(summaryOf(counts, 'Nothing was sent.'));
  return Object.keys(counts).every((status) => status === '200') ? 0 : 1;
}

/** Of calls all bodies, or what is in quarantine; never of a call that was erased. */
async function chosen(access: StorageAccess, values: CallValues, what: string | undefined): Promise<Sendable[]> {
  const erased = new Set<string>();
  for await (const { conversationId } of listErasures({ storage: access.storage, path: access.areas.state })) {
    erased.add(conversationId);
  }
  const found = what === 'quarantine' ? await ofQuarantine(access, values) : await ofCalls(access, values, what);
  const bodies = found
    .filter(({ conversationId }) => conversationId === undefined || !erased.has(conversationId))
    .sort((one, other) => one.storedAt.getTime() - other.storedAt.getTime());
  return what === 'quarantine' && values.limit !== undefined ? bodies.slice(-values.limit) : bodies;
}

async function ofQuarantine({ storage, areas }: StorageAccess, values: CallValues): Promise<Sendable[]> {
  const isChosen = chosenOfQuarantine(values);
  const found: Sendable[] = [];
  for await (const quarantined of listQuarantine(storage, areas.quarantine, values.reason)) {
    if (isChosen(quarantined) && !isReplayed(quarantined)) found.push(sendableOfQuarantine(storage, quarantined));
  }
  return found;
}

async function ofCalls(access: StorageAccess, values: CallValues, id: string | undefined): Promise<Sendable[]> {
  const { storage, areas } = access;
  const filter = filterOfAll(values, access);
  if (id === undefined && [filter.since, values.caller, values.text].every((given) => given === undefined)) {
    throw new UsageError('replay needs the id of a conversation, quarantine, --since, --caller or --text');
  }
  const calls =
    id === undefined
      ? (await findCalls(storage, areas, filter, { limit: values.limit ?? Number.MAX_SAFE_INTEGER })).calls
      : [await oneCall(access, id, values.agent)];
  return calls
    .flatMap(({ blobs }) => blobs)
    .filter(({ form }) => form !== 'quarantine')
    .map((blob) => sendableOfCall(storage, blob));
}

interface Sending {
  readonly url: URL;
  readonly secret: string;
  /** New ids for old ones; undefined to keep them. */
  readonly ids: Map<string, string> | undefined;
}

/** The status of the answer, `no answer`, or `not sent` with the reason. */
async function send(
  sendable: Sendable,
  { url, secret, ids }: Sending,
): Promise<{ readonly status: string; readonly hint?: string }> {
  const { conversationId, isChunked } = sendable;
  try {
    const body = await sendable.read(newIdFor(conversationId, ids));
    const signature = await sign(body.chunks(), secret, Math.floor(Date.now() / 1000));
    const headers = { 'content-type': 'application/json', 'elevenlabs-signature': signature };
    const answer = await deliver({ url, headers, body, chunked: isChunked }).catch(() => undefined);
    return { status: answer === undefined ? 'no answer' : String(answer.status) };
  } catch (error) {
    return { status: 'not sent', hint: error instanceof Error ? error.message : String(error) };
  }
}

function newIdFor(id: string | undefined, ids: Map<string, string> | undefined): string | undefined {
  if (id === undefined || ids === undefined) return undefined;
  const newId = ids.get(id) ?? `conv_replay${randomUUID().replaceAll('-', '')}`;
  ids.set(id, newId);
  return newId;
}
