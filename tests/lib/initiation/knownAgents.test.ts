import { beforeEach, describe, expect, it } from 'vitest';
import type { AgentRules } from '../../../src/lib/elevenlabs/agentRules.ts';
import type { AgentRulesApi } from '../../../src/lib/elevenlabs/agentRulesApi.ts';
import { ElevenLabsError, type Reason } from '../../../src/lib/elevenlabs/errors.ts';
import { isValid } from '../../../src/lib/initiation/agentRecord.ts';
import { KnownAgents } from '../../../src/lib/initiation/knownAgents.ts';
import { refreshAgents } from '../../../src/lib/initiation/refreshAgents.ts';
import { upkeep } from '../../../src/lib/storage/proof.ts';
import type { LogFields } from '../../../src/lib/telemetry/log.ts';
import { type MemoryStorage, memoryStorage } from '../preCall/memoryStorage.ts';

const START = Date.parse('2026-11-27T10:00:00.000Z');
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const never = new AbortController().signal;

let storage: MemoryStorage;
let clock: number;
let asked: string[];
let answer: (agentId: string, signal: AbortSignal) => Promise<AgentRules>;
let agents: KnownAgents;

beforeEach(() => {
  storage = memoryStorage();
  clock = START;
  asked = [];
  answer = async () => ({ allows: ['tts.voice_id'], demands: ['city'], toolIds: [] });
  agents = open();
});

function open(hasKey = true): KnownAgents {
  const rulesOf = async (agentId: string, { signal }: { signal: AbortSignal }) => {
    asked.push(agentId);
    return answer(agentId, signal);
  };
  const api = hasKey ? ({ rulesOf } as unknown as AgentRulesApi) : undefined;
  const path = { container: 'state', prefix: '' };
  return new KnownAgents({ authority: upkeep(), storage, path, api, now: () => clock });
}

const read = (id = 'agent_1', by = agents) => by.read(id, never);
const stored = (id = 'agent_1') => JSON.parse(String(storage.blobs.get(`state/agents/${id}.json`)?.bytes));
const put = (text: string, id = 'agent_1') =>
  storage.blobs.set(`state/agents/${id}.json`, {
    bytes: Buffer.from(text),
    etag: '"0"',
    metadata: {},
    lastModified: new Date(),
  });

describe('an agent', () => {
  it('is nothing until it is seen, and then known by the time', async () => {
    expect(await read()).toBeUndefined();
    await agents.noteSeen('agent_1', undefined);
    expect(stored()).toEqual({ seen_at: '2026-11-27T10:00:00.000Z', read_at: null, allows: [], demands: [] });
  });

  it('is seen again at most once a day, and keeps what else is known of it', async () => {
    await agents.refresh('agent_1', undefined, never);
    const before = storage.blobs.get('state/agents/agent_1.json')?.etag;
    clock += DAY;
    await agents.noteSeen('agent_1', await read());
    expect(storage.blobs.get('state/agents/agent_1.json')?.etag).toBe(before);
    clock += 1;
    await agents.noteSeen('agent_1', await read());
    expect(stored()).toMatchObject({ seen_at: new Date(clock).toISOString(), allows: ['tts.voice_id'] });
  });

  it('is asked about again when what is known is older than five minutes, and keeps when it was seen', async () => {
    await agents.noteSeen('agent_1', undefined);
    clock += MINUTE;
    await agents.refresh('agent_1', await read(), never);
    expect(stored()).toEqual({
      seen_at: '2026-11-27T10:00:00.000Z',
      read_at: '2026-11-27T10:01:00.000Z',
      allows: ['tts.voice_id'],
      demands: ['city'],
    });
    clock += 5 * MINUTE;
    await agents.refresh('agent_1', await read(), never);
    expect(asked).toHaveLength(1);
    clock += 1;
    await agents.refresh('agent_1', await read(), never);
    expect(asked).toHaveLength(2);
  });

  it('counts for a quarter of an hour', async () => {
    await agents.refresh('agent_1', undefined, never);
    const { value } = (await read()) ?? {};
    expect(value && [0, 15 * MINUTE, 15 * MINUTE + 1].map((ms) => isValid(value, START + ms))).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('is asked about once for any number of calls at once, and not without a key', async () => {
    await Promise.all(Array.from({ length: 50 }, () => agents.refresh('agent_1', undefined, never)));
    expect(asked).toEqual(['agent_1']);
    await open(false).refresh('agent_2', undefined, never);
    expect(asked).toEqual(['agent_1']);
  });

  it('may be asked about again after that has failed', async () => {
    answer = () => Promise.reject(new Error('no answer'));
    await expect(agents.refresh('agent_1', undefined, never)).rejects.toThrow('no answer');
    answer = async () => ({ allows: [], demands: [], toolIds: [] });
    await agents.refresh('agent_1', undefined, never);
    expect(stored()).toMatchObject({ allows: [], read_at: expect.any(String) });
  });

  it('whose record somebody else has changed meanwhile stays as that one wrote it', async () => {
    await agents.refresh('agent_1', undefined, never);
    clock += 6 * MINUTE;
    const known = await read();
    await open().refresh('agent_1', known, never);
    const other = stored();
    clock += MINUTE;
    await agents.refresh('agent_1', known, never);
    expect(stored()).toEqual(other);
  });

  it.each(['{', '[]', '{"seen_at":"yesterday"}', `"${'x'.repeat(300_000)}"`])(
    'whose record cannot be read is asked about anew (%#)',
    async (text) => {
      put(text);
      await agents.refresh('agent_1', await read(), never);
      expect(stored()).toMatchObject({ allows: ['tts.voice_id'] });
    },
  );

  it('is remembered by the process, for when storage does not answer', async () => {
    await agents.refresh('agent_1', undefined, never);
    expect(agents.remembered('agent_1')?.demands).toEqual(['city']);
    const other = open();
    expect(other.remembered('agent_1')).toBeUndefined();
    await read('agent_1', other);
    expect(other.remembered('agent_1')?.demands).toEqual(['city']);
  });
});

describe('the sweep', () => {
  const lines: LogFields[] = [];
  const log = { write: (_level: string, _message: string, fields: LogFields = {}) => void lines.push(fields) };
  beforeEach(() => {
    lines.length = 0;
  });

  const failing = (reason: Reason) =>
    new ElevenLabsError({ reason, operation: 'GET /', status: 400, retryable: false });

  it('asks about agents that calls were about within 30 days, and of which nothing new is known', async () => {
    for (const id of ['agent_old', 'agent_fresh', 'agent_stale']) {
      clock = id === 'agent_old' ? START - 31 * DAY : START;
      await agents.noteSeen(id, undefined);
    }
    await agents.refresh('agent_fresh', await read('agent_fresh'), never);
    asked.length = 0;
    await refreshAgents(agents, log);
    expect(asked).toEqual(['agent_stale']);
    expect(lines).toEqual([]);
  });

  it('goes on after an agent that cannot be read, says so, and leaves what is known of it', async () => {
    for (const id of ['agent_1', 'agent_2', 'agent_3']) await agents.noteSeen(id, undefined);
    answer = async (id) => {
      if (id === 'agent_2') throw failing('not_found');
      return { allows: [], demands: [], toolIds: [] };
    };
    await refreshAgents(agents, log);
    expect(lines).toEqual([{ outcome: 'failed', what: 'agent', agent: 'agent_2', reason: 'not_found' }]);
    expect(stored('agent_2').read_at).toBeNull();
    expect(stored('agent_3').read_at).not.toBeNull();
  });

  it('ends at once, with one line, when it is the key that is refused', async () => {
    for (let index = 0; index < 40; index++) await agents.noteSeen(`agent_${index}`, undefined);
    answer = () => Promise.reject(failing('missing_permission'));
    await refreshAgents(agents, log);
    expect(asked.length).toBeLessThan(20);
    expect(lines).toHaveLength(1);
  });

  it('fails when storage does not say which agents there are, and does nothing without a key', async () => {
    await agents.noteSeen('agent_1', undefined);
    storage.before = (operation) => {
      if (operation === 'download') throw new Error('storage');
    };
    await expect(refreshAgents(agents, log)).rejects.toThrow('storage');
    await expect(refreshAgents(open(false), log)).resolves.toBeUndefined();
  });
});
