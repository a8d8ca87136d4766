import { beforeEach, describe, expect, it, vi } from 'vitest';
import { changeOf } from '../../../../src/lib/preCall/agent/agentChange.ts';
import { restoreAgent } from '../../../../src/lib/preCall/agent/restoreAgent.ts';
import { type AgentState, agents, NOTHING_LENT } from '../../../../src/lib/preCall/state/records.ts';
import { elevenLabsError, OWN, type Request } from '../fakeElevenLabs.ts';
import { type MemoryWorld, memoryWorld } from '../memoryWorld.ts';
import { MINUTE_MS, stopTime } from '../stoppedTime.ts';

beforeEach(stopTime);

const LENT = { ...OWN, voiceId: 'voice_1', firstMessage: 'Hallo Ivan' };
const LOAN: AgentState = {
  own: { voice_id: 'voice_own', first_message: 'Good morning' },
  set: [changeOf(LENT)],
  lease: { conversation: 'conv_1', expires_at: 0 },
  claim: null,
};

let here: MemoryWorld;
beforeEach(() => {
  here = memoryWorld();
  here.elevenLabs.agents.set(OWN.agentId, LENT);
});

async function restore(record: Partial<AgentState> = {}): Promise<boolean> {
  return restoreAgent(here.world, here.work, await here.records.putAgent({ ...LOAN, ...record }), MINUTE_MS);
}
const agentNow = () => here.elevenLabs.agents.get(OWN.agentId);

describe('an agent that has a caller’s voice and greeting', () => {
  it('gets back its own, and the loan is forgotten', async () => {
    expect(await restore()).toBe(true);
    expect(agentNow()).toEqual(OWN);
    expect(await here.records.agent()).toEqual(NOTHING_LENT);
  });

  it('gets back that it had none', async () => {
    await restore({ own: { voice_id: null, first_message: null } });
    expect(agentNow()).toEqual({ agentId: OWN.agentId, voiceId: undefined, firstMessage: undefined });
  });

  it('is claimed for the given time meanwhile, with everything that the record says', async () => {
    const during: unknown[] = [];
    here.elevenLabs.before = async () => during.push(await here.records.agent());
    await restore();
    const claimed = { ...LOAN, claim: { by: 'us', until: Date.now() + MINUTE_MS } };
    expect(during).toEqual([claimed, claimed]);
  });

  it('keeps what somebody has set since, and the loan is forgotten', async () => {
    const changed = { ...LENT, firstMessage: 'Merry Christmas' };
    here.elevenLabs.agents.set(OWN.agentId, changed);
    expect(await restore()).toBe(true);
    expect(agentNow()).toEqual(changed);
    expect(here.asked()).toEqual(['getAgent agent_1']);
    expect(await here.records.agent()).toEqual(NOTHING_LENT);
  });

  it('keeps what it has when nobody knows what was its own', async () => {
    expect(await restore({ own: null })).toBe(true);
    expect(agentNow()).toEqual(LENT);
  });
});

describe('an agent that a delivery is at work on', () => {
  it('is left alone', async () => {
    const claim = { by: 'delivery', until: Date.now() + 1 };
    expect(await restore({ claim })).toBe(false);
    expect(here.asked()).toEqual([]);
    expect(await here.records.agent()).toEqual({ ...LOAN, claim });
  });

  it('is given back once that one is dead', async () => {
    expect(await restore({ claim: { by: 'delivery', until: Date.now() } })).toBe(true);
    expect(agentNow()).toEqual(OWN);
  });

  it('is left alone when it began just now', async () => {
    const record = await here.records.putAgent(LOAN);
    const claim = { by: 'delivery', until: Date.now() + MINUTE_MS };
    await here.records.putAgent({ ...LOAN, claim });
    expect(await restoreAgent(here.world, here.work, record, MINUTE_MS)).toBe(false);
    expect(here.asked()).toEqual([]);
    expect(await here.records.agent()).toEqual({ ...LOAN, claim });
  });

  it('does not count as given back when that one took it over in the middle', async () => {
    const taken = { ...LOAN, claim: { by: 'delivery', until: Date.now() + 2 * MINUTE_MS } };
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
    'says to a %s that the agent is gone, the loan is forgotten',
    async (operation) => {
      here.elevenLabs.before = failOn(operation, elevenLabsError({ reason: 'not_found' }));
      expect(await restore()).toBe(true);
      expect(await here.records.agent()).toEqual(NOTHING_LENT);
    },
  );

  it.each(['getAgent', 'patchAgent'])('fails a %s, the loan stays recorded for a later sweep', async (operation) => {
    here.elevenLabs.before = failOn(operation, elevenLabsError());
    await expect(restore()).rejects.toThrow('upstream_unavailable');
    expect(await here.records.agent()).toMatchObject({ own: LOAN.own, set: LOAN.set, lease: LOAN.lease });
  });

  it('cannot be asked, that is not taken for its word that the agent is gone', async () => {
    const error = Object.assign(new Error('getaddrinfo'), { reason: 'not_found' });
    here.elevenLabs.before = failOn('getAgent', error);
    await expect(restore()).rejects.toBe(error);
    expect(await here.records.agent()).toMatchObject({ own: LOAN.own });
  });

  it('loses the answer, the next try finds what is the agent’s own and forgets the loan', async () => {
    here.elevenLabs.after = failOn('patchAgent', elevenLabsError());
    await expect(restore()).rejects.toThrow();
    vi.advanceTimersByTime(MINUTE_MS);
    const record = await here.state.read(agents, OWN.agentId);
    if (record === undefined) throw new Error('The loan has been forgotten');
    expect(await restoreAgent(here.world, here.work, record, MINUTE_MS)).toBe(true);
    expect(agentNow()).toEqual(OWN);
    expect(here.asked()).toEqual(['getAgent agent_1', 'patchAgent agent_1', 'getAgent agent_1']);
  });
});
