import { beforeEach, describe, expect, it, vi } from 'vitest';
import { changeOf } from '../../../../src/lib/preCall/agent/agentChange.ts';
import {
  type AgentAtRest,
  type AgentLease,
  leaseAgent,
  lookAtAgent,
} from '../../../../src/lib/preCall/agent/leaseAgent.ts';
import { type AgentState, agents, NOTHING_LEASED } from '../../../../src/lib/preCall/state/records.ts';
import { elevenLabsError, OWN, type Request } from '../fakeElevenLabs.ts';
import { type MemoryContext, memoryContext } from '../memoryContext.ts';
import { MINUTE_MS, stopTime } from '../stoppedTime.ts';

beforeEach(stopTime);

let here: MemoryContext;
let lease: AgentLease;
beforeEach(async () => {
  here = memoryContext();
  const lock = { by: here.work.id, conversation: 'conv_1' };
  lease = {
    agentId: OWN.agentId,
    conversation: 'conv_1',
    voiceId: 'voice_1',
    firstMessage: 'Hallo Ivan',
    expiresAt: Date.now() + 900_000,
    lock,
  };
  await here.records.putConversation({ claim: { by: here.work.id, until: Date.now() + 8_000 } });
});

const LEASED = { ...OWN, voiceId: 'voice_1', firstMessage: 'Hallo Ivan' };
const EARLIER = { ...OWN, voiceId: 'voice_0', firstMessage: 'Hallo Anna' };
const OWN_RECORDED = { voice_id: 'voice_own', first_message: 'Good morning' };

const agentNow = () => here.elevenLabs.agents.get(OWN.agentId);
const look = async () => lookAtAgent(here.context, here.work, OWN.agentId, await here.state.read(agents, OWN.agentId));
const leaseNow = (seen?: AgentAtRest) => leaseAgent(here.context, here.work, lease, seen);
/** What the record says of a first lease while it is being made. */
const leasedRecord = (): AgentState => ({
  own: OWN_RECORDED,
  set: [changeOf(LEASED)],
  lease: { conversation: 'conv_1', expires_at: lease.expiresAt },
  claim: lease.lock,
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

describe('a lease', () => {
  it('gives the agent the caller’s voice and greeting, in one request when the agent has been seen', async () => {
    const seen = await look();
    await leaseNow(seen);
    expect(agentNow()).toEqual(LEASED);
    expect(here.asked()).toEqual(['getAgent agent_1', 'patchAgent agent_1']);
  });

  it('is recorded before the agent is changed, with what is the agent’s own and who is at work', async () => {
    const during = recordAt('patchAgent agent_1');
    await leaseNow(await look());
    expect(during).toEqual([leasedRecord()]);
  });

  it('leaves the agent locked until it is released', async () => {
    const { release } = await leaseNow(await look());
    expect(await here.records.agent()).toEqual(leasedRecord());
    await release();
    expect(await here.records.agent()).toEqual({ ...leasedRecord(), claim: null });
  });

  it('of an agent with a record costs one write until it is released', async () => {
    await here.records.putAgent(NOTHING_LEASED);
    const seen = await look();
    const writes = here.watch('upload');
    await leaseNow(seen);
    expect(writes).toEqual(['state/pre-call/agents/agent_1.json']);
    expect(await here.records.agent()).toEqual(leasedRecord());
  });

  it('of an agent without voice and greeting records that it has none', async () => {
    here.elevenLabs.agents.set(OWN.agentId, { ...OWN, voiceId: undefined, firstMessage: undefined });
    await leaseNow(await look());
    expect(await here.records.agent()).toMatchObject({ own: { voice_id: null, first_message: null } });
  });

  it('does not release what another one has locked since', async () => {
    const { release } = await leaseNow(await look());
    await here.records.putAgent({ claim: alive() });
    await release();
    expect(await here.records.agent()).toMatchObject({ claim: alive() });
  });

  it('is released without an error when storage fails', async () => {
    const { release } = await leaseNow(await look());
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
    await leaseNow(await look());
    expect(await here.records.agent()).toEqual({ ...leasedRecord(), set: [changeOf(EARLIER), changeOf(LEASED)] });
  });

  it('has as its own what somebody has set since', async () => {
    await here.records.putAgent(earlier);
    here.elevenLabs.agents.set(OWN.agentId, { ...EARLIER, firstMessage: 'Merry Christmas' });
    await leaseNow(await look());
    expect(await here.records.agent()).toMatchObject({
      own: { voice_id: 'voice_0', first_message: 'Merry Christmas' },
      set: [changeOf(EARLIER), changeOf(LEASED)],
    });
  });

  it('has that as its own when nothing else is known to be', async () => {
    await here.records.putAgent({ ...earlier, own: null });
    here.elevenLabs.agents.set(OWN.agentId, EARLIER);
    await leaseNow(await look());
    expect(await here.records.agent()).toMatchObject({ own: { voice_id: 'voice_0', first_message: 'Hallo Anna' } });
  });
});

describe('an agent whose record has changed since it was seen', () => {
  it.each<[string, () => Promise<unknown>]>([
    ['had a record', () => here.records.putAgent(NOTHING_LEASED)],
    ['had none', async () => {}],
  ])('and that %s is asked for again, since it may have changed, too', async (_what, arrange) => {
    await arrange();
    const seen = await look();
    here.elevenLabs.agents.set(OWN.agentId, { ...OWN, voiceId: 'voice_new' });
    await here.records.putAgent(NOTHING_LEASED);
    await leaseNow(seen);
    expect(here.asked()).toEqual(['getAgent agent_1', 'getAgent agent_1', 'patchAgent agent_1']);
    expect(await here.records.agent()).toMatchObject({ own: { voice_id: 'voice_new' } });
  });
});

describe('an agent that has not been seen', () => {
  it.each<[string, () => Promise<unknown>]>([
    ['has no record', async () => {}],
    ['nobody is at work on', () => here.records.putAgent(NOTHING_LEASED)],
    ['a dead one was at work on', () => here.records.putAgent({ claim: dead() })],
  ])('and that %s is locked, looked at and leased at once', async (_which, arrange) => {
    await arrange();
    const during = recordAt('getAgent agent_1');
    await leaseNow();
    expect(during).toEqual([{ ...NOTHING_LEASED, claim: lease.lock }]);
    expect(agentNow()).toEqual(LEASED);
    expect(await here.records.agent()).toEqual(leasedRecord());
  });

  it('keeps what its record says while it is locked', async () => {
    const known = { own: OWN_RECORDED, set: [changeOf(EARLIER)], lease: { conversation: 'conv_0', expires_at: 1 } };
    await here.records.putAgent(known);
    const during = recordAt('getAgent agent_1');
    await leaseNow();
    expect(during).toEqual([{ ...known, claim: lease.lock }]);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['gets its record from another one', async () => {}],
    ['has been changed by another one', () => here.records.putAgent(NOTHING_LEASED)],
  ])('is leased after all when it %s before it is locked', async (_what, arrange) => {
    await arrange();
    here.beforeNext('upload', 'agents/', () => here.records.putAgent({ set: [changeOf(EARLIER)] }));
    await leaseNow();
    expect(await here.records.agent()).toEqual({ ...leasedRecord(), set: [changeOf(EARLIER), changeOf(LEASED)] });
  });
});

describe('an agent that another delivery is at work on', () => {
  let claim: ReturnType<typeof alive>;
  beforeEach(async () => {
    claim = alive(MINUTE_MS);
    await here.records.putAgent({ claim });
  });

  it('is waited for, and looked at again every 150 ms', async () => {
    const leasing = leaseNow();
    await vi.advanceTimersByTimeAsync(149);
    await here.records.putAgent({ claim: null });
    expect(here.asked()).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    await leasing;
    expect(agentNow()).toEqual(LEASED);
  });

  it('is left as it is when the deadline comes first', async () => {
    const leasing = leaseNow();
    leasing.catch(() => {});
    await vi.advanceTimersByTimeAsync(50);
    here.work.end();
    const hint = expect.stringContaining('lock of the agent');
    await expect(leasing).rejects.toMatchObject({ status: 503, code: 'upstream_unavailable', hint });
    expect(here.asked()).toEqual([]);
    expect(await here.records.agent()).toEqual({ ...NOTHING_LEASED, claim });
  });
});

it('an agent that another delivery locks first is waited for, even when it had no record before', async () => {
  here.beforeNext('upload', 'agents/', () => here.records.putAgent({ claim: alive(MINUTE_MS) }));
  const leasing = leaseNow();
  await vi.advanceTimersByTimeAsync(149);
  expect(here.asked()).toEqual([]);
  await here.records.putAgent({ claim: null });
  await vi.advanceTimersByTimeAsync(1);
  await leasing;
  expect(agentNow()).toEqual(LEASED);
});

describe('when ElevenLabs', () => {
  const failOn = (failing: Request) => (request: Request) => {
    if (request === failing) throw elevenLabsError();
  };

  it('does not tell what the agent has, the lock is given up and nothing counts as leased', async () => {
    here.elevenLabs.before = failOn('getAgent agent_1');
    await expect(leaseNow()).rejects.toThrow('upstream_unavailable');
    expect(await here.records.agent()).toEqual(NOTHING_LEASED);
  });

  it.each(['before', 'after'] as const)(
    'fails %s the change, the lease stays recorded but not the lock',
    async (when) => {
      here.elevenLabs[when] = failOn('patchAgent agent_1');
      await expect(leaseNow(await look())).rejects.toThrow('upstream_unavailable');
      expect(await here.records.agent()).toEqual({ ...leasedRecord(), claim: null });
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
    await expect(leaseNow(seen)).rejects.toThrow('upstream_unavailable');
  });

  it('is slow and another delivery takes over meanwhile, its lock stays and the agent is not changed', async () => {
    here.elevenLabs.before = () => here.records.putAgent({ claim: alive() });
    await expect(leaseNow()).rejects.toThrow('Another delivery took over the agent');
    expect(here.asked()).toEqual(['getAgent agent_1']);
    expect(await here.records.agent()).toEqual({ ...NOTHING_LEASED, claim: alive() });
  });
});

describe('an agent that has something else after the change than was asked for', () => {
  const STANDING = { ...LEASED, firstMessage: 'Hallo Ivan!' };
  beforeEach(() => {
    const { client } = here.elevenLabs;
    const { patchAgent } = client;
    client.patchAgent = (change, call) => patchAgent({ ...change, firstMessage: STANDING.firstMessage }, call);
  });

  it('is known to have that from us, too', async () => {
    const { release } = await leaseNow(await look());
    const known = { ...leasedRecord(), set: [changeOf(LEASED), changeOf(STANDING)] };
    expect(await here.records.agent()).toEqual(known);
    await release();
    expect(await here.records.agent()).toEqual({ ...known, claim: null });
  });

  it('is leased all the same when that cannot be recorded', async () => {
    const seen = await look();
    here.elevenLabs.after = () =>
      here.beforeNext('upload', 'agents/', () => {
        throw new Error('Storage is away');
      });
    const { release } = await leaseNow(seen);
    expect(agentNow()).toEqual(STANDING);
    await release();
    expect(await here.records.agent()).toEqual({ ...leasedRecord(), claim: null });
  });

  it('is leased all the same when another delivery takes over, whose lock stays', async () => {
    const seen = await look();
    here.elevenLabs.after = () => here.records.putAgent({ claim: alive() });
    const { release } = await leaseNow(seen);
    await release();
    expect(await here.records.agent()).toEqual({ ...NOTHING_LEASED, claim: alive() });
  });
});
