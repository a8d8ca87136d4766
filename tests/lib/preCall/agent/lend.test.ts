import { beforeEach, describe, expect, it, vi } from 'vitest';
import { changeOf } from '../../../../src/lib/preCall/agent/agentChange.ts';
import { type AgentAtRest, type Loan, lendToAgent, lookAtAgent } from '../../../../src/lib/preCall/agent/lend.ts';
import { type AgentState, agents, NOTHING_LENT } from '../../../../src/lib/preCall/state/records.ts';
import { elevenLabsError, OWN, type Request } from '../fakeElevenLabs.ts';
import { type MemoryWorld, memoryWorld } from '../memoryWorld.ts';
import { MINUTE_MS, stopTime } from '../stoppedTime.ts';

beforeEach(stopTime);

// Nothing here takes time: what waits, waits for a clock that nobody moves.
vi.setConfig({ testTimeout: 1_000 });

let here: MemoryWorld;
let loan: Loan;
beforeEach(async () => {
  here = memoryWorld();
  const claim = { by: here.work.id, conversation: 'conv_1' };
  loan = {
    agentId: OWN.agentId,
    conversation: 'conv_1',
    voiceId: 'voice_1',
    firstMessage: 'Hallo Ivan',
    expiresAt: Date.now() + 900_000,
    claim,
  };
  await here.records.putConversation({ claim: { by: here.work.id, until: Date.now() + 8_000 } });
});

const LENT = { ...OWN, voiceId: 'voice_1', firstMessage: 'Hallo Ivan' };
const EARLIER = { ...OWN, voiceId: 'voice_0', firstMessage: 'Hallo Anna' };
const OWN_RECORDED = { voice_id: 'voice_own', first_message: 'Good morning' };

const agentNow = () => here.elevenLabs.agents.get(OWN.agentId);
const look = async () => lookAtAgent(here.world, here.work, OWN.agentId, await here.state.read(agents, OWN.agentId));
const lend = (seen?: AgentAtRest) => lendToAgent(here.world, here.work, loan, seen);
/** What the record says of a first loan while it is being made. */
const lentRecord = (): AgentState => ({
  own: OWN_RECORDED,
  set: [changeOf(LENT)],
  lease: { conversation: 'conv_1', expires_at: loan.expiresAt },
  claim: loan.claim,
});
const alive = (forMs = 1) => ({ by: 'another', until: Date.now() + forMs });
const dead = () => ({ by: 'another', until: Date.now() });

/** The record as it stands when such a request comes in. */
function recordAt(awaited: Request) {
  const found: (AgentState | undefined)[] = [];
  here.elevenLabs.before = async (request) => {
    if (request === awaited) found.push(await here.records.agent());
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
    const record = await here.records.putAgent({ claim: claim() });
    expect(await look()).toMatchObject({ record, current: OWN });
  });

  it('that somebody is at work on finds nothing, and ElevenLabs is not asked', async () => {
    await here.records.putAgent({ claim: alive() });
    expect(await look()).toBeUndefined();
    expect(here.asked()).toEqual([]);
  });
});

describe('a loan', () => {
  it('gives the agent the caller’s voice and greeting, in one request when the agent has been seen', async () => {
    const seen = await look();
    await lend(seen);
    expect(agentNow()).toEqual(LENT);
    expect(here.asked()).toEqual(['getAgent agent_1', 'patchAgent agent_1']);
  });

  it('is recorded before the agent is changed, with what is the agent’s own and who is at work', async () => {
    const during = recordAt('patchAgent agent_1');
    await lend(await look());
    expect(during).toEqual([lentRecord()]);
  });

  it('leaves the agent claimed until it is released', async () => {
    const { release } = await lend(await look());
    expect(await here.records.agent()).toEqual(lentRecord());
    await release();
    expect(await here.records.agent()).toEqual({ ...lentRecord(), claim: null });
  });

  it('of an agent with a record costs one write until it is released', async () => {
    await here.records.putAgent(NOTHING_LENT);
    const seen = await look();
    const writes = here.watch('upload');
    await lend(seen);
    expect(writes).toEqual(['state/pre-call/agents/agent_1.json']);
    expect(await here.records.agent()).toEqual(lentRecord());
  });

  it('of an agent without voice and greeting records that it has none', async () => {
    here.elevenLabs.agents.set(OWN.agentId, { ...OWN, voiceId: undefined, firstMessage: undefined });
    await lend(await look());
    expect(await here.records.agent()).toMatchObject({ own: { voice_id: null, first_message: null } });
  });

  it('does not release what another one has claimed since', async () => {
    const { release } = await lend(await look());
    await here.records.putAgent({ claim: alive() });
    await release();
    expect(await here.records.agent()).toMatchObject({ claim: alive() });
  });

  it('is released without an error when storage fails', async () => {
    const { release } = await lend(await look());
    here.beforeNext('upload', 'agents/', () => {
      throw new Error('Storage is away');
    });
    await expect(release()).resolves.toBeUndefined();
  });
});

describe('an agent that an earlier caller’s voice is on', () => {
  const earlier = { own: OWN_RECORDED, set: [changeOf(EARLIER)], lease: { conversation: 'conv_0', expires_at: 1 } };

  it('keeps what is its own, and the earlier change stays known', async () => {
    await here.records.putAgent(earlier);
    here.elevenLabs.agents.set(OWN.agentId, EARLIER);
    await lend(await look());
    expect(await here.records.agent()).toEqual({ ...lentRecord(), set: [changeOf(EARLIER), changeOf(LENT)] });
  });

  it('has as its own what somebody has set since', async () => {
    await here.records.putAgent(earlier);
    here.elevenLabs.agents.set(OWN.agentId, { ...EARLIER, firstMessage: 'Merry Christmas' });
    await lend(await look());
    expect(await here.records.agent()).toMatchObject({
      own: { voice_id: 'voice_0', first_message: 'Merry Christmas' },
      set: [changeOf(EARLIER), changeOf(LENT)],
    });
  });

  it('has that as its own when nothing else is known to be', async () => {
    await here.records.putAgent({ ...earlier, own: null });
    here.elevenLabs.agents.set(OWN.agentId, EARLIER);
    await lend(await look());
    expect(await here.records.agent()).toMatchObject({ own: { voice_id: 'voice_0', first_message: 'Hallo Anna' } });
  });
});

describe('an agent whose record has changed since it was seen', () => {
  it.each<[string, () => Promise<unknown>]>([
    ['had a record', () => here.records.putAgent(NOTHING_LENT)],
    ['had none', async () => {}],
  ])('and that %s is asked for again, since it may have changed, too', async (_what, arrange) => {
    await arrange();
    const seen = await look();
    here.elevenLabs.agents.set(OWN.agentId, { ...OWN, voiceId: 'voice_new' });
    await here.records.putAgent(NOTHING_LENT);
    await lend(seen);
    expect(here.asked()).toEqual(['getAgent agent_1', 'getAgent agent_1', 'patchAgent agent_1']);
    expect(await here.records.agent()).toMatchObject({ own: { voice_id: 'voice_new' } });
  });
});

describe('an agent that has not been seen', () => {
  it.each<[string, () => Promise<unknown>]>([
    ['has no record', async () => {}],
    ['nobody is at work on', () => here.records.putAgent(NOTHING_LENT)],
    ['a dead one was at work on', () => here.records.putAgent({ claim: dead() })],
  ])('and that %s is claimed, looked at and lent at once', async (_which, arrange) => {
    await arrange();
    const during = recordAt('getAgent agent_1');
    await lend();
    expect(during).toEqual([{ ...NOTHING_LENT, claim: loan.claim }]);
    expect(agentNow()).toEqual(LENT);
    expect(await here.records.agent()).toEqual(lentRecord());
  });

  it('keeps what its record says while it is claimed', async () => {
    const known = { own: OWN_RECORDED, set: [changeOf(EARLIER)], lease: { conversation: 'conv_0', expires_at: 1 } };
    await here.records.putAgent(known);
    const during = recordAt('getAgent agent_1');
    await lend();
    expect(during).toEqual([{ ...known, claim: loan.claim }]);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['gets its record from another one', async () => {}],
    ['has been changed by another one', () => here.records.putAgent(NOTHING_LENT)],
  ])('is lent after all when it %s at the moment of the claim', async (_what, arrange) => {
    await arrange();
    here.beforeNext('upload', 'agents/', () => here.records.putAgent({ set: [changeOf(EARLIER)] }));
    await lend();
    expect(await here.records.agent()).toEqual({ ...lentRecord(), set: [changeOf(EARLIER), changeOf(LENT)] });
  });
});

describe('an agent that another delivery is at work on', () => {
  let claim: ReturnType<typeof alive>;
  beforeEach(async () => {
    claim = alive(MINUTE_MS);
    await here.records.putAgent({ claim });
  });

  it('is waited for, and looked after every tenth of a second', async () => {
    const lending = lend();
    await vi.advanceTimersByTimeAsync(99);
    await here.records.putAgent({ claim: null });
    expect(here.asked()).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    await lending;
    expect(agentNow()).toEqual(LENT);
  });

  it('is left as it is when the deadline comes first', async () => {
    const lending = lend();
    lending.catch(() => {});
    await vi.advanceTimersByTimeAsync(50);
    here.work.end();
    await expect(lending).rejects.toMatchObject({ status: 503, code: 'upstream_unavailable' });
    expect(here.asked()).toEqual([]);
    expect(await here.records.agent()).toEqual({ ...NOTHING_LENT, claim });
  });
});

it('an agent that another delivery claims first is waited for, even when it had no record before', async () => {
  here.beforeNext('upload', 'agents/', () => here.records.putAgent({ claim: alive(MINUTE_MS) }));
  const lending = lend();
  await vi.advanceTimersByTimeAsync(99);
  expect(here.asked()).toEqual([]);
  await here.records.putAgent({ claim: null });
  await vi.advanceTimersByTimeAsync(1);
  await lending;
  expect(agentNow()).toEqual(LENT);
});

describe('when ElevenLabs', () => {
  const failOn = (failing: Request) => (request: Request) => {
    if (request === failing) throw elevenLabsError();
  };

  it('does not tell what the agent has, the claim is given up and nothing counts as lent', async () => {
    here.elevenLabs.before = failOn('getAgent agent_1');
    await expect(lend()).rejects.toThrow('upstream_unavailable');
    expect(await here.records.agent()).toEqual(NOTHING_LENT);
  });

  it.each(['before', 'after'] as const)(
    'fails %s the change, the loan stays recorded but not the claim',
    async (when) => {
      here.elevenLabs[when] = failOn('patchAgent agent_1');
      await expect(lend(await look())).rejects.toThrow('upstream_unavailable');
      expect(await here.records.agent()).toEqual({ ...lentRecord(), claim: null });
    },
  );

  it('fails and storage fails, too, it is ElevenLabs’ failure that is told', async () => {
    const seen = await look();
    here.elevenLabs.before = () => {
      here.beforeNext('upload', 'agents/', () => {
        throw new Error('Storage is away');
      });
      throw elevenLabsError();
    };
    await expect(lend(seen)).rejects.toThrow('upstream_unavailable');
  });

  it('is slow and another delivery takes over meanwhile, its claim stays and the agent is not changed', async () => {
    here.elevenLabs.before = () => here.records.putAgent({ claim: alive() });
    await expect(lend()).rejects.toThrow('Another delivery took over the agent');
    expect(here.asked()).toEqual(['getAgent agent_1']);
    expect(await here.records.agent()).toEqual({ ...NOTHING_LENT, claim: alive() });
  });
});

describe('an agent that has something else after the change than was asked for', () => {
  const STANDING = { ...LENT, firstMessage: 'Hallo Ivan!' };
  beforeEach(() => {
    const { client } = here.elevenLabs;
    const { patchAgent } = client;
    client.patchAgent = (change, call) => patchAgent({ ...change, firstMessage: STANDING.firstMessage }, call);
  });

  it('is known to have that from us, too', async () => {
    const { release } = await lend(await look());
    const known = { ...lentRecord(), set: [changeOf(LENT), changeOf(STANDING)] };
    expect(await here.records.agent()).toEqual(known);
    await release();
    expect(await here.records.agent()).toEqual({ ...known, claim: null });
  });

  it('is lent all the same when that cannot be recorded', async () => {
    const seen = await look();
    here.elevenLabs.after = () =>
      here.beforeNext('upload', 'agents/', () => {
        throw new Error('Storage is away');
      });
    const { release } = await lend(seen);
    expect(agentNow()).toEqual(STANDING);
    await release();
    expect(await here.records.agent()).toEqual({ ...lentRecord(), claim: null });
  });

  it('is lent all the same when another delivery takes over, whose claim stays', async () => {
    const seen = await look();
    here.elevenLabs.after = () => here.records.putAgent({ claim: alive() });
    const { release } = await lend(seen);
    await release();
    expect(await here.records.agent()).toEqual({ ...NOTHING_LENT, claim: alive() });
  });
});
