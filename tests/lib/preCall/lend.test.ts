import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { changeOf } from '../../../src/lib/preCall/agentChange.ts';
import { type AgentAtRest, type Loan, lendToAgent, lookAtAgent } from '../../../src/lib/preCall/lend.ts';
import { type AgentState, agents, NOTHING_LENT } from '../../../src/lib/preCall/records.ts';
import { failed, lendWorld, OWN } from './lendWorld.ts';

// Vitest's timers leave this module alone.
vi.mock('node:timers/promises', () => ({
  setTimeout: (ms: number, value: unknown, { signal }: { signal: AbortSignal }) =>
    new Promise((resolve, reject) => {
      setTimeout(resolve, ms, value);
      signal.addEventListener('abort', () => reject(signal.reason));
    }),
}));

// Nothing here takes time: what waits, waits for a clock that nobody moves.
vi.setConfig({ testTimeout: 1_000 });

let on: ReturnType<typeof lendWorld>;
let loan: Loan;
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  on = lendWorld();
  const claim = { by: on.work.id, conversation: 'conv_1' };
  loan = {
    agentId: OWN.agentId,
    conversation: 'conv_1',
    voiceId: 'voice_1',
    firstMessage: 'Hallo Ivan',
    expiresAt: on.clock.ms + 900_000,
    claim,
  };
  await on.records.putConversation({ claim: { by: on.work.id, until: on.clock.ms + 8_000 } });
});
afterEach(() => {
  vi.useRealTimers();
});

const LENT = { ...OWN, voiceId: 'voice_1', firstMessage: 'Hallo Ivan' };
const EARLIER = { ...OWN, voiceId: 'voice_0', firstMessage: 'Hallo Anna' };
const OWN_RECORDED = { voice_id: 'voice_own', first_message: 'Good morning' };

const agentNow = () => on.elevenLabs.agents.get(OWN.agentId);
const look = async () => lookAtAgent(on.world, on.work, OWN.agentId, await on.world.state.read(agents, OWN.agentId));
const lend = (seen?: AgentAtRest) => lendToAgent(on.world, on.work, loan, seen);
/** What the record says of a first loan while it is being made. */
const lentRecord = (): AgentState => ({
  own: OWN_RECORDED,
  set: [changeOf(LENT)],
  lease: { conversation: 'conv_1', expires_at: loan.expiresAt },
  claim: loan.claim,
});
const alive = () => ({ by: 'another', until: on.clock.ms + 1 });
const dead = () => ({ by: 'another', until: on.clock.ms });

/** The record as it stands when such a request comes in. */
function recordAt(request: string) {
  const found: (AgentState | undefined)[] = [];
  on.elevenLabs.before = async (asked) => {
    if (asked === request) found.push(await on.records.agent());
  };
  return found;
}

describe('a look at an agent', () => {
  it('that has no record finds the agent', async () => {
    expect(await look()).toEqual({ record: undefined, current: OWN });
  });

  it.each([
    ['nobody', () => null],
    ['one who is dead', dead],
  ])('that %s is at work on finds its record and the agent', async (_who, claim) => {
    const record = await on.records.putAgent({ claim: claim() });
    expect(await look()).toMatchObject({ record, current: OWN });
  });

  it('that somebody is at work on finds nothing, and ElevenLabs is not asked', async () => {
    await on.records.putAgent({ claim: alive() });
    expect(await look()).toBeUndefined();
    expect(on.elevenLabs.requests).toEqual([]);
  });
});

describe('a loan', () => {
  it('gives the agent the caller’s voice and greeting, in one request when the agent has been seen', async () => {
    const seen = await look();
    await lend(seen);
    expect(agentNow()).toEqual(LENT);
    expect(on.elevenLabs.requests).toEqual(['GET agent_1', 'PATCH agent_1']);
  });

  it('is recorded before the agent is changed, with what is the agent’s own and who is at work', async () => {
    const during = recordAt('PATCH agent_1');
    await lend(await look());
    expect(during).toEqual([lentRecord()]);
  });

  it('leaves the agent claimed until it is released', async () => {
    const { release } = await lend(await look());
    expect(await on.records.agent()).toEqual(lentRecord());
    await release();
    expect(await on.records.agent()).toEqual({ ...lentRecord(), claim: null });
  });

  it('of an agent with a record costs one write until it is released', async () => {
    await on.records.putAgent(NOTHING_LENT);
    const seen = await look();
    const writes = on.records.watch('upload');
    await lend(seen);
    expect(writes).toEqual(['state/pre-call/agents/agent_1.json']);
    expect(await on.records.agent()).toEqual(lentRecord());
  });

  it('of an agent without voice and greeting records that it has none', async () => {
    on.elevenLabs.agents.set(OWN.agentId, { ...OWN, voiceId: undefined, firstMessage: undefined });
    await lend(await look());
    expect(await on.records.agent()).toMatchObject({ own: { voice_id: null, first_message: null } });
  });

  it('does not release what another one has claimed since', async () => {
    const { release } = await lend(await look());
    await on.records.putAgent({ claim: alive() });
    await release();
    expect(await on.records.agent()).toMatchObject({ claim: alive() });
  });

  it('is released without an error when storage fails', async () => {
    const { release } = await lend(await look());
    on.records.before('upload', 'agents/', () => {
      throw new Error('Storage is away');
    });
    await expect(release()).resolves.toBeUndefined();
  });
});

describe('an agent that an earlier caller’s voice is on', () => {
  const earlier = { own: OWN_RECORDED, set: [changeOf(EARLIER)], lease: { conversation: 'conv_0', expires_at: 1 } };

  it('keeps what is its own, and the earlier change stays known', async () => {
    await on.records.putAgent(earlier);
    on.elevenLabs.agents.set(OWN.agentId, EARLIER);
    await lend(await look());
    expect(await on.records.agent()).toEqual({ ...lentRecord(), set: [changeOf(EARLIER), changeOf(LENT)] });
  });

  it('has as its own what somebody has set since', async () => {
    await on.records.putAgent(earlier);
    on.elevenLabs.agents.set(OWN.agentId, { ...EARLIER, firstMessage: 'Merry Christmas' });
    await lend(await look());
    expect(await on.records.agent()).toMatchObject({
      own: { voice_id: 'voice_0', first_message: 'Merry Christmas' },
      set: [changeOf(EARLIER), changeOf(LENT)],
    });
  });

  it('has that as its own when nothing else is known to be', async () => {
    await on.records.putAgent({ ...earlier, own: null });
    on.elevenLabs.agents.set(OWN.agentId, EARLIER);
    await lend(await look());
    expect(await on.records.agent()).toMatchObject({ own: { voice_id: 'voice_0', first_message: 'Hallo Anna' } });
  });
});

describe('an agent whose record has changed since it was seen', () => {
  it.each<[string, () => Promise<unknown>]>([
    ['had a record', () => on.records.putAgent(NOTHING_LENT)],
    ['had none', async () => {}],
  ])('and that %s is asked for again, since it may have changed, too', async (_what, arrange) => {
    await arrange();
    const seen = await look();
    on.elevenLabs.agents.set(OWN.agentId, { ...OWN, voiceId: 'voice_new' });
    await on.records.putAgent(NOTHING_LENT);
    await lend(seen);
    expect(on.elevenLabs.requests).toEqual(['GET agent_1', 'GET agent_1', 'PATCH agent_1']);
    expect(await on.records.agent()).toMatchObject({ own: { voice_id: 'voice_new' } });
  });
});

describe('an agent that has not been seen', () => {
  it.each<[string, () => Promise<unknown>]>([
    ['has no record', async () => {}],
    ['nobody is at work on', () => on.records.putAgent(NOTHING_LENT)],
    ['a dead one was at work on', () => on.records.putAgent({ claim: dead() })],
  ])('and that %s is claimed, looked at and lent at once', async (_which, arrange) => {
    await arrange();
    const during = recordAt('GET agent_1');
    await lend();
    expect(during).toEqual([{ ...NOTHING_LENT, claim: loan.claim }]);
    expect(agentNow()).toEqual(LENT);
    expect(await on.records.agent()).toEqual(lentRecord());
  });

  it('keeps what its record says while it is claimed', async () => {
    const known = { own: OWN_RECORDED, set: [changeOf(EARLIER)], lease: { conversation: 'conv_0', expires_at: 1 } };
    await on.records.putAgent(known);
    const during = recordAt('GET agent_1');
    await lend();
    expect(during).toEqual([{ ...known, claim: loan.claim }]);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['gets its record from another one', async () => {}],
    ['has been changed by another one', () => on.records.putAgent(NOTHING_LENT)],
  ])('is lent after all when it %s at the moment of the claim', async (_what, arrange) => {
    await arrange();
    on.records.before('upload', 'agents/', () => on.records.putAgent({ set: [changeOf(EARLIER)] }));
    await lend();
    expect(await on.records.agent()).toEqual({ ...lentRecord(), set: [changeOf(EARLIER), changeOf(LENT)] });
  });
});

describe('an agent that another delivery is at work on', () => {
  beforeEach(() => on.records.putAgent({ claim: alive() }));

  it('is waited for, and looked after every tenth of a second', async () => {
    const lending = lend();
    await vi.advanceTimersByTimeAsync(99);
    await on.records.putAgent({ claim: null });
    expect(on.elevenLabs.requests).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    await lending;
    expect(agentNow()).toEqual(LENT);
  });

  it('is left as it is when the deadline comes first', async () => {
    const lending = lend();
    lending.catch(() => {});
    await vi.advanceTimersByTimeAsync(50);
    on.end.abort();
    await expect(lending).rejects.toMatchObject({ status: 503, code: 'upstream_unavailable' });
    expect(on.elevenLabs.requests).toEqual([]);
    expect(await on.records.agent()).toEqual({ ...NOTHING_LENT, claim: alive() });
  });
});

it('an agent that another delivery claims first is waited for, even when it had no record before', async () => {
  on.records.before('upload', 'agents/', () => on.records.putAgent({ claim: alive() }));
  const lending = lend();
  await vi.advanceTimersByTimeAsync(99);
  expect(on.elevenLabs.requests).toEqual([]);
  await on.records.putAgent({ claim: null });
  await vi.advanceTimersByTimeAsync(1);
  await lending;
  expect(agentNow()).toEqual(LENT);
});

describe('when ElevenLabs', () => {
  const failOn = (request: string) => (asked: string) => {
    if (asked === request) throw failed('upstream_unavailable');
  };

  it('does not tell what the agent has, the claim is given up and nothing counts as lent', async () => {
    on.elevenLabs.before = failOn('GET agent_1');
    await expect(lend()).rejects.toThrow('upstream_unavailable');
    expect(await on.records.agent()).toEqual(NOTHING_LENT);
  });

  it.each(['before', 'after'] as const)(
    'fails %s the change, the loan stays recorded but not the claim',
    async (when) => {
      on.elevenLabs[when] = failOn('PATCH agent_1');
      await expect(lend(await look())).rejects.toThrow('upstream_unavailable');
      expect(await on.records.agent()).toEqual({ ...lentRecord(), claim: null });
    },
  );

  it('fails and storage fails, too, it is ElevenLabs’ failure that is told', async () => {
    const seen = await look();
    on.elevenLabs.before = () => {
      on.records.before('upload', 'agents/', () => {
        throw new Error('Storage is away');
      });
      throw failed('upstream_unavailable');
    };
    await expect(lend(seen)).rejects.toThrow('upstream_unavailable');
  });

  it('is slow and another delivery takes over meanwhile, its claim stays and the agent is not changed', async () => {
    on.elevenLabs.before = () => on.records.putAgent({ claim: alive() });
    await expect(lend()).rejects.toThrow('Another delivery took over the agent');
    expect(on.elevenLabs.requests).toEqual(['GET agent_1']);
    expect(await on.records.agent()).toEqual({ ...NOTHING_LENT, claim: alive() });
  });
});

describe('an agent that has something else after the change than was asked for', () => {
  const STANDING = { ...LENT, firstMessage: 'Hallo Ivan!' };
  beforeEach(() => {
    const { patchAgent } = on.elevenLabs;
    on.elevenLabs.patchAgent = (change, call) => patchAgent({ ...change, firstMessage: STANDING.firstMessage }, call);
  });

  it('is known to have that from us, too', async () => {
    const { release } = await lend(await look());
    const known = { ...lentRecord(), set: [changeOf(LENT), changeOf(STANDING)] };
    expect(await on.records.agent()).toEqual(known);
    await release();
    expect(await on.records.agent()).toEqual({ ...known, claim: null });
  });

  it('is lent all the same when that cannot be recorded', async () => {
    const seen = await look();
    on.elevenLabs.after = () =>
      on.records.before('upload', 'agents/', () => {
        throw new Error('Storage is away');
      });
    const { release } = await lend(seen);
    expect(agentNow()).toEqual(STANDING);
    await release();
    expect(await on.records.agent()).toEqual({ ...lentRecord(), claim: null });
  });

  it('is lent all the same when another delivery takes over, whose claim stays', async () => {
    const seen = await look();
    on.elevenLabs.after = () => on.records.putAgent({ claim: alive() });
    const { release } = await lend(seen);
    await release();
    expect(await on.records.agent()).toEqual({ ...NOTHING_LENT, claim: alive() });
  });
});
