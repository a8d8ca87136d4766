import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ConversationsApi } from '../../src/lib/elevenlabs/conversations.ts';
import { reconcile } from '../../src/lib/reconcile/reconcile.ts';
import { openServices } from '../../src/lib/services.ts';
import { addConversation, madeUp } from '../../tools/local/elevenlabs/conversations.ts';
import { type RunningElevenLabs, startElevenLabs } from '../../tools/local/elevenlabs/server.ts';
import { audioEvent, type Context, send, startContext } from '../support/context.ts';
import { longForm } from './longForm.ts';

const MINUTES = longForm('minutes');
const CALLS = MINUTES === undefined ? 60 : MINUTES * 200;
const AT_ONCE = 8;
const AUDIO_BYTES = 60_000;
const HOURS_MS = 3_600_000;

let context: Context;
let api: RunningElevenLabs;
const agentId = `agent_${randomUUID().slice(0, 8)}`;
beforeAll(async () => {
  api = await startElevenLabs({ port: 0, apiKey: 'sk_key_of_the_test' });
  context = await startContext({
    ELEVENLABS_API_KEY: 'sk_key_of_the_test',
    ELEVENLABS_API_BASE_URL: api.url,
    RECONCILE_AGENT_IDS: agentId,
  });
});
afterAll(async () => {
  await context.close();
  await api.close();
});

/** An instance whose clock is ahead, so that calls whose webhooks are still on their way count as missing. */
function openInstance(aheadMs: () => number) {
  const { reconciliation } = openServices(process.env, { now: () => Date.now() + aheadMs() });
  if (reconciliation === undefined) throw new Error('Reconciliation is not configured');
  const conversations = new ConversationsApi({
    ...reconciliation.settings.elevenLabs,
    retries: { firstDelayMs: 10, longestDelayMs: 100 },
  });
  return { ...reconciliation, api: conversations };
}

it(`${CALLS} calls of which one delivery in ten is dropped, while two instances reconcile: every call is whole`, {
  timeout: 240_000 + (MINUTES ?? 0) * 120_000,
}, async () => {
  // All of them have ended before the first webhook comes: the two run a race.
  const startedAt = Math.floor(Date.now() / 1000) - 60;
  const calls = Array.from({ length: CALLS }, () =>
    addConversation(api.state, { agentId, startedAt, audio: AUDIO_BYTES }),
  );
  const waiting = [...calls].reverse(); // the listing has them in their order
  let aheadMs = 3 * HOURS_MS;
  const lines: string[] = [];
  const write = (_level: string, message: string, fields: object = {}) =>
    void lines.push(`${message} ${JSON.stringify(fields)}`);
  const instances = [openInstance(() => aheadMs), openInstance(() => aheadMs)];
  let isOver = false;
  const reconciling = instances.map(async (instance) => {
    do {
      const { error } = await reconcile(instance, { id: randomUUID(), log: { write }, limitMs: 60_000 });
      expect(error).toBeUndefined();
      aheadMs += 6 * 60_000; // past a lease, and a listing begins elsewhere
    } while (!isOver);
  });

  let dropped = 0;
  let sent = 0;
  const sendCalls = async () => {
    for (let conversation = waiting.shift(); conversation !== undefined; conversation = waiting.shift()) {
      const { detail } = api.state.conversations.get(conversation) ?? { detail: Buffer.alloc(0) };
      const transcript = `{"type":"post_call_transcription","event_timestamp":5,"data":${detail}}`;
      const audio = Buffer.concat([...madeUp(conversation, AUDIO_BYTES)]);
      const call = { agent_id: agentId, conversation_id: conversation };
      for (const body of [transcript, JSON.stringify(audioEvent(audio, call))]) {
        if (sent++ % 10 === 9) dropped++;
        else expect((await send(context, body, { chunkBytes: 20_000 })).status).toBe(200);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, sendCalls));
  isOver = true;
  await Promise.all(reconciling);
  for (let run = 0; run < 2; run++) {
    aheadMs += HOURS_MS;
    await reconcile(
      openInstance(() => aheadMs),
      { id: randomUUID(), log: { write } },
    );
  }

  const stored = await context.stored();
  const recovered = lines.filter((line) => /"outcome":"(recovered|backfilled)"/.test(line)).length;
  console.log(
    `dropped deliveries: ${JSON.stringify({ calls: calls.length, sent, dropped, recovered, stored: stored.length })}`,
  );
  for (const conversation of calls) {
    const own = stored.filter(({ path }) => path.includes(conversation));
    for (const [container, extension] of [
      [context.containers.transcripts, 'json'],
      [context.containers.audio, 'mp3'],
    ] as const) {
      const name = `${container}/${agentId}/${conversation}.`;
      const [first, ...beside] = own
        .filter(({ path }) => path.startsWith(name))
        .sort((one, other) => one.path.length - other.path.length);
      expect(first?.path).toBe(`${name}${extension}`);
      // A webhook that came after recovery says something else: beside, once. A recording is the same bytes.
      expect(beside.length).toBeLessThanOrEqual(extension === 'json' && first?.metadata['source'] === 'api' ? 1 : 0);
      expect(beside.every(({ metadata }) => metadata['source'] === 'webhook')).toBe(true);
    }
  }
  expect(await context.storedIn(context.containers.incoming)).toEqual([]);
  expect(recovered).toBeGreaterThanOrEqual(dropped);
  expect(lines.filter((line) => line.includes('"failed"') && line.includes('"what":"audio"'))).toEqual([]);
});
