import { beforeEach, describe, expect, it, vi } from 'vitest';
import { changeOf } from '../../../../src/lib/preCall/agent/agentChange.ts';
import { restoreAgent } from '../../../../src/lib/preCall/agent/restoreAgent.ts';
import { type AgentState, agents, NOTHING_LEASED } from '../../../../src/lib/preCall/state/records.ts';
import { elevenLabsError, OWN, type Request } from '../fakeElevenLabs.ts';
import { type MemoryContext, memoryContext } from '../memoryContext.ts';
import { MINUTE_MS, stopTime } from '../stoppedTime.ts';

beforeEach(stopTime);

const LEASED = { ...OWN, voiceId: 'voice_1', firstMessage: 'Hallo Ivan' };
const LEASE: AgentState = {
  own: { voice_id: 'voice_own', first_message: 'Good morning' },
  set: [changeOf(LEASED)],
  lease: { conversation: 'conv_1', expires_at: 0 },
  claim: null,
};

let here: MemoryContext;
beforeEach(() => {
  here = memoryContext();
  here.elevenLabs.agents.set(OWN.agentId, LEASED);
});

async function restore(record: Partial<AgentState> = {}): Promise<boolean> {
  return restoreAgent(here.context, here.work, await here.records.putAgent({ ...LEASE, ...record }), MINUTE_MS);
}
const agentNow = () => here.elevenLabs.agents.get(OWN.agentId);

describe('an agent that has a caller’s voice and greeting', () => {
  it('gets back its own, and the lease is forgotten', async () => {
    expect(await restore()).toBe(true);
    expect(agentNow()).toEqual(OWN);
    expect(await here.records.agent()).toEqual(NOTHING_LEASED);
  });

  it('gets back that it had none', async () => {
    await restore({ own: { voice_id: null, first_message: null } });
    expect(agentNow()).toEqual({ agentId: OWN.agentId, voiceId: undefined, firstMessage: undefined });
  });

  it('is locked for the given time meanwhile, with everything that the record says', async () => {
    const during: unknown[] = [];
    here.elevenLabs.before = async () => during.push(await here.records.agent());
    await restore();
    const locked = { ...LEASE, claim: { by: 'us', until: Date.now() + MINUTE_MS } };
    expect(during).toEqual([locked, locked]);
  });

  it('keeps what somebody has set since, and the lease is forgotten', async () => {
    const changed = { ...LEASED, firstMessage: 'Merry Christmas' };
    here.elevenLabs.agents.set(OWN.agentId, changed);
    expect(await restore()).toBe(true);
    expect(agentNow()).toEqual(changed);
    expect(here.asked()).toEqual(['getAgent agent_1']);
    expect(await here.records.agent()).toEqual(NOTHING_LEASED);
  });

  it('keeps what it has when nobody knows what was its own', async () => {
    expect(await restore({ own: null })).toBe(true);
    expect(agentNow()).toEqual(LEASED);
  });
});

describe('an agent that a delivery is at work on', () => {
  it('is left alone', async () => {
    const claim = { by: 'delivery', until: Date.now() + 1 };
    expect(await restore({ claim })).toBe(false);
    expect(here.asked()).toEqual([]);
    expect(await here.records.agent()).toEqual({ ...LEASE, claim });
  });

  it('is given back once that one is dead', async () => {
    expect(await restore({ claim: { by: 'delivery', until: Date.now() } })).toBe(true);
    expect(agentNow()).toEqual(OWN);
  });

  it('is left alone when it began just now', async () => {
    const record = await here.records.putAgent(LEASE);
    const claim = { by: 'delivery', until: Date.now() + MINUTE_MS };
    await here.records.putAgent({ ...LEASE, claim });
    expect(await restoreAgent(here.context, here.work, record, MINUTE_MS)).toBe(false);
    expect(here.asked()).toEqual([]);
    expect(await here.records.agent()).toEqual({ ...LEASE, claim });
  });

  it('does not count as given back when that one took it over in the middle', async () => {
    const taken = { ...LEASE, claim: { by: 'delivery', until: Date.now() + 2 * MINUTE_MS } };
    here.elevenLabs.after = (request) => (request === 'patchAgent agent_1' ? here.records.putAgent(taken) : undefined);
    expect(await restore()).toBe(false);
    expect(await here.records.agent()).toEqual(taken);
  });
});

describe('when ElevenLabs', () => {
  const failOn = (operation: string, error: unknown) => (request: Request) => {
    if (request.startsWith(operation)) throw error;
  };

  it.each(['getAgent', 'patchAgent'])(
    'says to a %s that the agent is gone, the lease is forgotten',
    async (operation) => {
      here.elevenLabs.before = failOn(operation, elevenLabsError({ reason: 'not_found' }));
      expect(await restore()).toBe(true);
      expect(await here.records.agent()).toEqual(NOTHING_LEASED);
    },
  );

  it.each(['getAgent', 'patchAgent'])('fails a %s, the lease stays recorded for a later sweep', async (operation) => {
    here.elevenLabs.before = failOn(operation, elevenLabsError());
    await expect(restore()).rejects.toThrow('upstream_unavailable');
    expect(await here.records.agent()).toMatchObject({ own: LEASE.own, set: LEASE.set, lease: LEASE.lease });
  });

  it('cannot be asked, that is not taken for its word that the agent is gone', async () => {
    const error = Object.assign(new Error('getaddrinfo'), { reason: 'not_found' });
    here.elevenLabs.before = failOn('getAgent', error);
    await expect(restore()).rejects.toBe(error);
    expect(await here.records.agent()).toMatchObject({ own: LEASE.own });
  });

  it('loses the answer, the next try finds what is the agent’s own and forgets the lease', async () => {
    here.elevenLabs.after = failOn('patchAgent', elevenLabsError());
    await expect(restore()).rejects.toThrow();
    vi.advanceTimersByTime(MINUTE_MS);
    const record = await here.state.read(agents, OWN.agentId);
    if (record === undefined) throw new Error('The lease has been forgotten');
    expect(await restoreAgent(here.context, here.work, record, MINUTE_MS)).toBe(true);
    expect(agentNow()).toEqual(OWN);
    expect(here.asked()).toEqual(['getAgent agent_1', 'patchAgent agent_1', 'getAgent agent_1']);
  });
});
