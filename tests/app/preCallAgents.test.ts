import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  clonesOf,
  FORMS,
  metadataOf,
  newCallOfAgent,
  newSample,
  OWN_GREETING,
  OWN_VOICE,
  type PreCallApp,
  sendPreCall,
  startInstances,
} from '../support/preCallContext.ts';

let app: PreCallApp;
beforeAll(async () => {
  app = await startInstances(1, { PRECALL_AGENT_IDS: 'agent_allowed, agent_too' });
});
afterAll(() => app.close());

it.each(FORMS)('PRECALL_AGENT_IDS: pre-call works for the agents that it names (%s)', async (_form, request) => {
  for (const agentId of ['agent_allowed', 'agent_too']) {
    const answer = await sendPreCall(app, request(metadataOf(newCallOfAgent(app, agentId)), newSample()));
    expect(answer.json).toMatchObject({ status: 'success', agent_updated: true });
  }
});

it.each(FORMS)(
  'PRECALL_AGENT_IDS: for any other one nothing is cloned, asked or written (%s)',
  async (_form, request) => {
    const records = () => app.context.storedIn(app.containers.state);
    for (const agentId of ['agent_other', 'agent_allowed2', 'AGENT_ALLOWED']) {
      const metadata = metadataOf(newCallOfAgent(app, agentId));
      const [asked, before] = [app.api.state.requests.length, (await records()).length];
      const sample = newSample();
      const answer = await sendPreCall(app, request(metadata, sample));
      expect([answer.status, answer.json]).toEqual([
        400,
        {
          status: 'error',
          error_code: 'INVALID_PAYLOAD',
          error_message: 'This agent is not allowed for pre-call',
          conversation_id: metadata.conversation_id,
          reason: 'agent_not_allowed',
        },
      ]);
      expect(clonesOf(app, sample)).toEqual([]);
      expect(app.api.state.agentNow(agentId)).toEqual({ voiceId: OWN_VOICE, firstMessage: OWN_GREETING });
      expect([app.api.state.requests.length, (await records()).length]).toEqual([asked, before]);
      expect(app.context.lines.at(-1)?.message).toMatch(/code=agent_not_allowed .*hint=.*PRECALL_AGENT_IDS/);
    }
  },
);
