import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { newCallOfAgent, newSample } from '../support/preCallContext.ts';
import { type HeldApp, startHeldApp } from '../support/preCallHold.ts';

let running: HeldApp;
let app: HeldApp['app'];
let hold: HeldApp['hold'];
beforeAll(async () => {
  running = await startHeldApp();
  ({ app, hold } = running);
});
afterAll(() => running.close());
afterEach(() => {
  hold.open();
});

describe('what waits for what', () => {
  const everything = () => true;

  it('a new caller, patch: five times for storage', async () => {
    const { held } = await running.install();
    hold.hold(everything);
    const answering = running.deliver(held, newCallOfAgent(app));
    await hold.wave('GET voices', 'GET agents', 'PUT conversations');
    await hold.wave('PUT voices');
    await hold.wave('ElevenLabs POST voice');
    await hold.wave('PUT voices');
    await hold.wave('ElevenLabs GET agent');
    await hold.wave('PUT agents');
    await hold.wave('ElevenLabs PATCH agent');
    await hold.wave('PUT agents', 'PUT conversations');
    hold.open();
    expect((await answering).json).toMatchObject({ agent_updated: true, voice_reused: false });
  });

  it('a new caller, override: four times', async () => {
    const { held } = await running.install({ PRECALL_AGENT_UPDATE: 'override' });
    hold.hold(everything);
    const answering = running.deliver(held, newCallOfAgent(app));
    await hold.wave('GET voices', 'PUT conversations');
    await hold.wave('PUT voices');
    await hold.wave('ElevenLabs POST voice');
    await hold.wave('PUT voices');
    await hold.wave('PUT conversations');
    hold.open();
    expect((await answering).json).toMatchObject({ agent_updated: false, voice_reused: false });
  });

  it.each(['an agent of its own', 'the agent of the call before'])(
    'a returning caller, patch, to %s: three times',
    async (which) => {
      const { held, free } = await running.install();
      const sample = newSample();
      const before = newCallOfAgent(app);
      await running.deliver(free, before, sample);
      hold.hold(everything);
      const answering = running.deliver(
        held,
        newCallOfAgent(app, which.startsWith('the') ? before.agent_id : undefined),
        sample,
      );
      await hold.wave('GET voices', 'GET agents', 'PUT conversations');
      await hold.wave('GET voices', 'ElevenLabs GET voice', 'ElevenLabs GET agent');
      await hold.wave('PUT agents');
      await hold.wave('ElevenLabs PATCH agent');
      await hold.wave('PUT agents', 'PUT conversations');
      hold.open();
      expect((await answering).json).toMatchObject({ agent_updated: true, voice_reused: true });
    },
  );

  it('a returning caller, override: three times', async () => {
    const { held, free } = await running.install({ PRECALL_AGENT_UPDATE: 'override' });
    const sample = newSample();
    await running.deliver(free, newCallOfAgent(app), sample);
    hold.hold(everything);
    const answering = running.deliver(held, newCallOfAgent(app), sample);
    await hold.wave('GET voices', 'PUT conversations');
    await hold.wave('GET voices', 'ElevenLabs GET voice');
    await hold.wave('PUT conversations');
    hold.open();
    expect((await answering).json).toMatchObject({ agent_updated: false, voice_reused: true });
  });

  it('a repeated delivery: twice, and for the name of the voice', async () => {
    const { held, free } = await running.install();
    const call = newCallOfAgent(app);
    const sample = newSample();
    const first = await running.deliver(free, call, sample);
    hold.hold(everything);
    const answering = running.deliver(held, call, sample);
    await hold.wave('GET voices', 'GET agents', 'PUT conversations');
    await hold.wave('GET conversations');
    await hold.wave('ElevenLabs GET voice');
    hold.open();
    expect((await answering).json['voice_id']).toBe(first.json['voice_id']);
  });
});
