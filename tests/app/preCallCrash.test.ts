import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Services } from '../../src/lib/services.ts';
import { DEATHS, type Deaths, eachInTurn, startDeaths } from '../support/deaths.ts';
import {
  clonesOf,
  jsonRequest,
  MINUTE_MS,
  metadataOf,
  newCallOfAgent,
  newSample,
  OWN_GREETING,
  OWN_VOICE,
  openInstance,
  PAST_LOCKS_MS,
  type PreCallApp,
  sendPreCall,
  startInstances,
  sweepOn,
} from '../support/preCallContext.ts';

const OWN = { voiceId: OWN_VOICE, firstMessage: OWN_GREETING };
const LEASE_MS = 15 * MINUTE_MS;
let app: PreCallApp;
let deaths: Deaths;
beforeAll(async () => {
  app = await startInstances(1);
  deaths = await startDeaths(app);
});
afterAll(async () => {
  await app.close();
  await deaths.close();
});
afterEach(() => {
  app.clock.aheadMs = 0;
});

let installations = 0;
const newInstallation = (more: Record<string, string> = {}) => ({
  PRECALL_STATE_STORAGE_PATH: `${app.containers.state}/installation-${++installations}`,
  ...more,
});
type Installation = ReturnType<typeof newInstallation>;

const healthy = (settings: Installation) => openInstance(app, { settings });

const dieAt: Deaths['dieAt'] = (...death) => deaths.dieAt(...death);

const deliver = (instance: Services, request: ReturnType<typeof jsonRequest>) => {
  app.instances = [instance];
  return sendPreCall(app, request);
};

/** Each crash with an empty ElevenLabs. */
const everyCrash = (run: (at: number) => Promise<boolean>) =>
  eachInTurn((at) => {
    app.clock.aheadMs = 0;
    app.api.state.clear();
    return run(at);
  });

interface Scene {
  readonly settings: Installation;
  readonly call: ReturnType<typeof newCallOfAgent>;
  readonly sample: Buffer;
}

const SCENES: Record<string, (settings: Installation) => Promise<Scene>> = {
  'a new caller': async (settings) => ({ settings, call: newCallOfAgent(app), sample: newSample() }),
  'a returning caller': async (settings) => {
    const sample = newSample();
    expect((await deliver(healthy(settings), jsonRequest(metadataOf(newCallOfAgent(app)), sample))).status).toBe(200);
    return { settings, call: newCallOfAgent(app), sample };
  },
  'a returning caller, to an agent that has another caller’s voice': async (settings) => {
    const sample = newSample();
    const instance = healthy(settings);
    expect((await deliver(instance, jsonRequest(metadataOf(newCallOfAgent(app)), sample))).status).toBe(200);
    const before = newCallOfAgent(app);
    expect((await deliver(instance, jsonRequest(metadataOf(before), newSample()))).status).toBe(200);
    return { settings, call: newCallOfAgent(app, before.agent_id), sample };
  },
};

describe.each(Object.keys(SCENES))('%s', (name) => {
  const prepare = () => SCENES[name]?.(newInstallation({ ENABLE_VOICE_SAMPLE_STORAGE: 'true' })) as Promise<Scene>;

  it.each(DEATHS)(
    'and a process that dies %s, at each one in turn: the second delivery puts it right',
    async (death) => {
      const crashes = await everyCrash(async (at) => {
        const { settings, call, sample } = await prepare();
        const request = jsonRequest(metadataOf(call), sample);
        const died = await dieAt(at, death, settings, (doomed) => deliver(doomed, request));

        app.clock.aheadMs += PAST_LOCKS_MS;
        const instance = healthy(settings);
        const answer = await deliver(instance, request);
        const where = `crash at request ${at}`;
        expect(answer.json, where).toMatchObject({
          status: 'success',
          conversation_id: call.conversation_id,
          agent_updated: true,
          caller_info: { Name: 'Ivan' },
        });
        const leased = { voiceId: answer.json['voice_id'], firstMessage: 'Hallo Ivan, fijn dat je belt!' };
        expect(app.api.state.agentNow(call.agent_id), where).toEqual(leased);
        const clones = () => clonesOf(app, sample).map(({ voice_id }) => voice_id);
        expect(clones(), where).toEqual([answer.json['voice_id']]);

        app.clock.aheadMs += LEASE_MS + MINUTE_MS;
        await sweepOn(instance);
        expect(app.api.state.agentNow(call.agent_id), where).toEqual(OWN);
        expect(clones(), where).toEqual([answer.json['voice_id']]);
        const kept = await app.context.storedIn(app.containers.samples, (path) => path.includes(call.conversation_id));
        expect(kept, where).toHaveLength(1);
        app.clock.aheadMs = 0;
        return died;
      });
      expect(crashes).toBeGreaterThan(8);
    },
  );
});

it.each(DEATHS)(
  'a process that dies %s, at each one in turn, with no second delivery: nothing stays behind',
  async (death) => {
    const crashes = await everyCrash(async (at) => {
      const settings = newInstallation({ VOICE_CLONE_AUTO_DELETE: 'true' });
      const call = newCallOfAgent(app);
      const sample = newSample();
      const request = jsonRequest(metadataOf(call), sample);
      const died = await dieAt(at, death, settings, (doomed) => deliver(doomed, request));

      const instance = healthy(settings);
      for (let sweeps = 0; sweeps < 2; sweeps++) {
        app.clock.aheadMs += LEASE_MS + MINUTE_MS;
        await sweepOn(instance);
      }
      const where = `crash at request ${at}`;
      expect(app.api.state.agentNow(call.agent_id), where).toEqual(OWN);
      expect(clonesOf(app, sample), where).toEqual([]);
      return died;
    });
    expect(crashes).toBeGreaterThan(8);
  },
);

describe('a sweep', () => {
  it.each(DEATHS)('that dies %s, at each one in turn: the next one does the rest', async (death) => {
    const crashes = await everyCrash(async (at) => {
      const settings = newInstallation({ VOICE_CLONE_AUTO_DELETE: 'true' });
      const instance = healthy(settings);
      const call = newCallOfAgent(app);
      const sample = newSample();
      expect((await deliver(instance, jsonRequest(metadataOf(call), sample))).status).toBe(200);
      app.clock.aheadMs = LEASE_MS + MINUTE_MS;
      const died = await dieAt(at, death, settings, sweepOn);

      app.clock.aheadMs += PAST_LOCKS_MS;
      await sweepOn(instance);
      const where = `crash at request ${at}`;
      expect(app.api.state.agentNow(call.agent_id), where).toEqual(OWN);
      expect(clonesOf(app, sample), where).toEqual([]);

      const again = await deliver(instance, jsonRequest(metadataOf(newCallOfAgent(app)), sample));
      expect(again.json, where).toMatchObject({ status: 'success', agent_updated: true });
      expect(clonesOf(app, sample), where).toHaveLength(1);
      return died;
    });
    expect(crashes).toBeGreaterThan(10);
  });
});
