import { Readable } from 'node:stream';
import { beforeEach, describe, expect, it } from 'vitest';
import type { CallerDirectory, Lookup } from '../../../src/lib/callers/directory.ts';
import type { AgentRecord } from '../../../src/lib/initiation/agentRecord.ts';
import type { InitiationContext } from '../../../src/lib/initiation/context.ts';
import type { KnownAgents } from '../../../src/lib/initiation/knownAgents.ts';
import { prepareAnswer } from '../../../src/lib/initiation/prepare.ts';
import { warmUp } from '../../../src/lib/initiation/warmUp.ts';

const NOW = Date.parse('2026-11-27T10:00:00.000Z');
const KNOWN: Lookup = {
  isKnown: true,
  hash: 'h1',
  record: {
    number: '+1',
    name: 'Jan',
    voice_id: 'voice_1',
    source: 'operator',
    updated_at: new Date(NOW).toISOString(),
  },
};
const RULES: AgentRecord = {
  seen_at: new Date(NOW).toISOString(),
  read_at: new Date(NOW).toISOString(),
  allows: ['tts.voice_id'],
  demands: ['city'],
};
const hangs = () => new Promise<never>(() => {});

let find: CallerDirectory['find'];
let read: KnownAgents['read'];
let remembered: AgentRecord | undefined;
let aside: string[];
let refreshing: AbortSignal | undefined;

beforeEach(() => {
  find = async () => KNOWN;
  read = async () => ({ name: 'agent_1', value: RULES, etag: '' });
  remembered = undefined;
  aside = [];
  refreshing = undefined;
});

function context(more: Partial<InitiationContext> = {}): InitiationContext {
  const agents = {
    read: (id: string, signal: AbortSignal) => read(id, signal),
    remembered: () => remembered,
    noteSeen: async () => void aside.push('seen'),
    refresh: async (_id: string, _known: unknown, signal: AbortSignal) => {
      aside.push('refresh');
      refreshing = signal;
      await hangs();
    },
  } as unknown as KnownAgents;
  const callers = { find: (...given: Parameters<CallerDirectory['find']>) => find(...given) };
  const settings = { secrets: [], deadlineMs: 900, variables: { shop: 'x' } };
  return { settings, callers, agents, readKey: undefined, now: () => NOW, ...more };
}

const question = (more: object = {}) =>
  Readable.from([Buffer.from(JSON.stringify({ caller_id: '+1', called_number: '+2', agent_id: 'agent_1', ...more }))]);
const open = new AbortController().signal;

/** A deadline that comes once everything that could come has come. */
function soon(): AbortSignal {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 50);
  return controller.signal;
}

describe('an answer', () => {
  it('is made of the caller and the agent', async () => {
    const prepared = await prepareAnswer(context(), question({ conversation_id: 'conv_1' }), open);
    expect(prepared).toMatchObject({
      outcome: 'known',
      reason: undefined,
      agentId: 'agent_1',
      conversationId: 'conv_1',
      agentState: 'known',
      overrides: ['tts.voice_id'],
      filled: ['city'],
      unusable: [],
    });
    expect(prepared.answer.dynamic_variables).toMatchObject({ caller_name: 'Jan', shop: 'x', city: '' });
  });

  it('asks both at once, with the numbers in their order', async () => {
    const begun: unknown[] = [];
    find = async (numbers, agentId) => {
      begun.push([numbers, agentId]);
      while (begun.length < 2) await new Promise(setImmediate);
      return KNOWN;
    };
    read = async (agentId) => {
      begun.push(agentId);
      while (begun.length < 2) await new Promise(setImmediate);
      return undefined;
    };
    expect((await prepareAnswer(context(), question(), open)).outcome).toBe('known');
    expect(begun).toEqual(expect.arrayContaining([[['+1', '+2'], 'agent_1'], 'agent_1']));
  });

  it('without the caller in time is the default, in which what the agent demands is filled', async () => {
    find = hangs;
    const { outcome, reason, answer, overrides, filled } = await prepareAnswer(context(), question(), soon());
    expect({ outcome, reason, overrides, filled }).toEqual({
      outcome: 'default',
      reason: 'late',
      overrides: [],
      filled: ['city'],
    });
    expect(answer.dynamic_variables).toMatchObject({ caller_known: 'unknown', city: '', shop: 'x' });
  });

  it('without the agent in time is the caller without overrides, and with what was last demanded', async () => {
    read = hangs;
    remembered = { ...RULES, demands: ['plan'] };
    const { outcome, agentState, overrides, filled } = await prepareAnswer(context(), question(), soon());
    expect({ outcome, agentState, overrides, filled }).toEqual({
      outcome: 'known',
      agentState: 'late',
      overrides: [],
      filled: ['plan'],
    });
  });

  it.each([
    ['the caller', 'default', 'known'],
    ['the agent', 'known', 'unavailable'],
  ])('for which storage refuses %s goes on without', async (what, outcome, agentState) => {
    const refuses = () => Promise.reject(new Error('403'));
    if (what === 'the caller') find = refuses;
    else read = refuses;
    const prepared = await prepareAnswer(context(), question(), open);
    expect(prepared).toMatchObject({
      outcome,
      agentState,
      reason: what === 'the caller' ? 'storage_unavailable' : undefined,
    });
  });

  it('has no override of an agent that nobody knows, or of which too little is known', async () => {
    read = async () => undefined;
    expect(await prepareAnswer(context(), question(), open)).toMatchObject({ agentState: 'unknown', overrides: [] });
    const readAt = new Date(NOW - 16 * 60_000).toISOString();
    read = async () => ({ name: 'agent_1', value: { ...RULES, read_at: readAt }, etag: '' });
    expect(await prepareAnswer(context(), question(), open)).toMatchObject({
      agentState: 'stale',
      overrides: [],
      filled: ['city'],
    });
  });

  it('without a directory is the default', async () => {
    const prepared = await prepareAnswer(context({ callers: undefined, agents: undefined }), question(), open);
    expect(prepared).toMatchObject({ outcome: 'default', reason: 'no_directory', agentState: 'unavailable' });
  });

  it('to a body that says nothing of a caller has what the agent demands, when that can be told', async () => {
    const prepared = await prepareAnswer(context(), question({ caller_id: 7 }), open);
    expect(prepared).toMatchObject({
      outcome: 'default',
      reason: 'unexpected_members',
      filled: ['city'],
      overrides: [],
    });
    expect(await prepareAnswer(context(), null, open)).toMatchObject({ reason: 'not_json', agentState: undefined });
  });

  it('names entries that cannot be used, and none of somebody who is just unknown', async () => {
    const misses = (['none', 'broken', 'other-agents', 'not-its-own', 'expired', 'too-large'] as const).map(
      (reason) => ({
        hash: reason,
        reason,
      }),
    );
    find = async () => ({ isKnown: false, misses });
    const { outcome, unusable } = await prepareAnswer(context(), question(), open);
    expect([outcome, unusable.map(({ hash }) => hash)]).toEqual(['unknown', ['broken', 'not-its-own', 'too-large']]);
  });

  it('waits for nothing that is done beside it, and ends what is asked of ElevenLabs', async () => {
    await prepareAnswer(context(), question(), open);
    expect(aside).toEqual(['seen', 'refresh']);
    expect(refreshing?.aborted).toBe(true);
  });
});

describe('before the first question', () => {
  it('the key is read, again when that failed', async () => {
    let tries = 0;
    const readKey = async () => {
      tries += 1;
      if (tries < 3) throw new Error('not yet');
    };
    await warmUp({ readKey });
    expect(tries).toBe(3);
    await warmUp({ readKey: undefined });
  });

  it('a key that does not come keeps the process from starting for a while only', async () => {
    await warmUp({ readKey: hangs });
  });
});
