import { beforeEach, describe, expect, it } from 'vitest';
import { changeOf } from '../../../src/lib/preCall/agentChange.ts';
import { type AgentState, agents, NOTHING_LENT } from '../../../src/lib/preCall/records.ts';
import { restoreAgent } from '../../../src/lib/preCall/restoreAgent.ts';
import { failed, lendWorld, MINUTE_MS, OWN } from './lendWorld.ts';

const LENT = { ...OWN, voiceId: 'voice_1', firstMessage: 'Hallo Ivan' };
const LOAN: AgentState = {
  own: { voice_id: 'voice_own', first_message: 'Good morning' },
  set: [changeOf(LENT)],
  lease: { conversation: 'conv_1', expires_at: 0 },
  claim: null,
};

let on: ReturnType<typeof lendWorld>;
beforeEach(() => {
  on = lendWorld();
  on.elevenLabs.agents.set(OWN.agentId, LENT);
});

async function restore(record: Partial<AgentState> = {}): Promise<boolean> {
  return restoreAgent(on.world, on.work, await on.records.putAgent({ ...LOAN, ...record }), MINUTE_MS);
}
const agentNow = () => on.elevenLabs.agents.get(OWN.agentId);

describe('an agent that has a caller’s voice and greeting', () => {
  it('gets back its own, and the loan is forgotten', async () => {
    expect(await restore()).toBe(true);
    expect(agentNow()).toEqual(OWN);
    expect(await on.records.agent()).toEqual(NOTHING_LENT);
  });

  it('gets back that it had none', async () => {
    await restore({ own: { voice_id: null, first_message: null } });
    expect(agentNow()).toEqual({ agentId: OWN.agentId, voiceId: undefined, firstMessage: undefined });
  });

  it('is claimed for the given time meanwhile, with everything that the record says', async () => {
    const during: unknown[] = [];
    on.elevenLabs.before = async () => during.push(await on.records.agent());
    await restore();
    const claimed = { ...LOAN, claim: { by: 'work_1', until: on.clock.ms + MINUTE_MS } };
    expect(during).toEqual([claimed, claimed]);
  });

  it('keeps what somebody has set since, and the loan is forgotten', async () => {
    const changed = { ...LENT, firstMessage: 'Merry Christmas' };
    on.elevenLabs.agents.set(OWN.agentId, changed);
    expect(await restore()).toBe(true);
    expect(agentNow()).toEqual(changed);
    expect(on.elevenLabs.requests).toEqual(['GET agent_1']);
    expect(await on.records.agent()).toEqual(NOTHING_LENT);
  });

  it('keeps what it has when nobody knows what was its own', async () => {
    expect(await restore({ own: null })).toBe(true);
    expect(agentNow()).toEqual(LENT);
  });
});

describe('an agent that a delivery is at work on', () => {
  it('is left alone', async () => {
    const claim = { by: 'delivery', until: on.clock.ms + 1 };
    expect(await restore({ claim })).toBe(false);
    expect(on.elevenLabs.requests).toEqual([]);
    expect(await on.records.agent()).toEqual({ ...LOAN, claim });
  });

  it('is given back once that one is dead', async () => {
    expect(await restore({ claim: { by: 'delivery', until: on.clock.ms } })).toBe(true);
    expect(agentNow()).toEqual(OWN);
  });

  it('is left alone when it began just now', async () => {
    const record = await on.records.putAgent(LOAN);
    const claim = { by: 'delivery', until: on.clock.ms + MINUTE_MS };
    await on.records.putAgent({ ...LOAN, claim });
    expect(await restoreAgent(on.world, on.work, record, MINUTE_MS)).toBe(false);
    expect(on.elevenLabs.requests).toEqual([]);
    expect(await on.records.agent()).toEqual({ ...LOAN, claim });
  });

  it('does not count as given back when that one took it over in the middle', async () => {
    const taken = { ...LOAN, claim: { by: 'delivery', until: on.clock.ms + 2 * MINUTE_MS } };
    on.elevenLabs.after = (request) => (request.startsWith('PATCH') ? on.records.putAgent(taken) : undefined);
    expect(await restore()).toBe(false);
    expect(await on.records.agent()).toEqual(taken);
  });
});

describe('when ElevenLabs', () => {
  const failOn = (request: string, error: unknown) => (asked: string) => {
    if (asked.startsWith(request)) throw error;
  };

  it.each(['GET', 'PATCH'])('says to a %s that the agent is gone, the loan is forgotten', async (request) => {
    on.elevenLabs.before = failOn(request, failed('not_found'));
    expect(await restore()).toBe(true);
    expect(await on.records.agent()).toEqual(NOTHING_LENT);
  });

  it.each(['GET', 'PATCH'])('fails a %s, the loan stays recorded for a later sweep', async (request) => {
    on.elevenLabs.before = failOn(request, failed('upstream_unavailable'));
    await expect(restore()).rejects.toThrow('upstream_unavailable');
    expect(await on.records.agent()).toMatchObject({ own: LOAN.own, set: LOAN.set, lease: LOAN.lease });
  });

  it('cannot be asked, that is not taken for its word that the agent is gone', async () => {
    const error = Object.assign(new Error('getaddrinfo'), { reason: 'not_found' });
    on.elevenLabs.before = failOn('GET', error);
    await expect(restore()).rejects.toBe(error);
    expect(await on.records.agent()).toMatchObject({ own: LOAN.own });
  });

  it('loses the answer, the next try finds what is the agent’s own and forgets the loan', async () => {
    on.elevenLabs.after = failOn('PATCH', failed('upstream_unavailable'));
    await expect(restore()).rejects.toThrow();
    on.clock.ms += MINUTE_MS;
    const record = await on.world.state.read(agents, OWN.agentId);
    if (record === undefined) throw new Error('The loan has been forgotten');
    expect(await restoreAgent(on.world, on.work, record, MINUTE_MS)).toBe(true);
    expect(agentNow()).toEqual(OWN);
    expect(on.elevenLabs.requests).toEqual(['GET agent_1', 'PATCH agent_1', 'GET agent_1']);
  });
});
