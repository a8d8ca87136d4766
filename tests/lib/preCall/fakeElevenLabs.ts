import type { NewVoice } from '../../../src/lib/elevenlabs/addVoice.ts';
import type { ElevenLabsClient } from '../../../src/lib/elevenlabs/client.ts';
import {
  AddVoiceError,
  type AddVoiceOutcome,
  ElevenLabsError,
  type Failure,
} from '../../../src/lib/elevenlabs/errors.ts';
import type { Agent, Voice } from '../../../src/lib/elevenlabs/schemas.ts';
import type { Call } from '../../../src/lib/elevenlabs/transport.ts';

/** The agent that there is, with what is its own. */
export const OWN: Agent = { agentId: 'agent_1', voiceId: 'voice_own', firstMessage: 'Good morning' };
/** Labels by which a voice is one of ours. */
export const OURS = { made_by: 'elevenlabs-webhook', installation: 'installation_1' };

/** An operation of the client, with the id of the voice or agent that it is about: `patchAgent agent_1`. */
export type Request =
  | 'addVoice'
  | 'findVoices'
  | 'getSubscription'
  | `${'getVoice' | 'deleteVoice' | 'getAgent' | 'patchAgent' | 'deleteConversation'} ${string}`;
type Hook = (request: Request) => unknown;

/** What pre-call needs of ElevenLabs, in memory. */
export function fakeElevenLabs() {
  const agents = new Map<string, Agent>([[OWN.agentId, OWN]]);
  const voices = new Map<string, Voice>();

  const ask = async <T>(request: Request, { signal }: Call, act: () => T): Promise<T> => {
    fake.asked.push({ request, atMs: Date.now() });
    await fake.before(request);
    if (signal.aborted) throw elevenLabsError({ what: 'was not asked' });
    const answer = act();
    await fake.after(request);
    return answer;
  };
  const standing = <T>(all: Map<string, T>, id: string): T => {
    const found = all.get(id);
    if (found === undefined) throw elevenLabsError({ reason: 'not_found', status: 404, retryable: false });
    return found;
  };

  const client: Omit<ElevenLabsClient, 'close'> = {
    addVoice: (voice, call) =>
      ask('addVoice', call, () => {
        const voiceId = `voice_${fake.added.push(voice)}`;
        fake.putVoice(voiceId, { name: voice.name, labels: voice.labels });
        return { voiceId, requiresVerification: fake.requiresVerification };
      }),
    async *findVoices({ category, labels = {} }, call) {
      const all = await ask('findVoices', call, () => [...voices.values()]);
      yield* all.filter(
        (voice) =>
          (category === undefined || voice.category === category) &&
          Object.entries(labels).every(([label, value]) => voice.labels[label] === value),
      );
    },
    getVoice: (id, call) => ask(`getVoice ${id}`, call, () => standing(voices, id)),
    deleteConversation: (id, call) => ask(`deleteConversation ${id}`, call, () => {}),
    deleteVoice: (id, call) => ask(`deleteVoice ${id}`, call, () => void voices.delete(id)),
    getAgent: (id, call) => ask(`getAgent ${id}`, call, () => standing(agents, id)),
    patchAgent: ({ agentId, voiceId, firstMessage }, call) =>
      ask(`patchAgent ${agentId}`, call, () => {
        const before = standing(agents, agentId);
        const after: Agent = {
          agentId,
          voiceId: voiceId === undefined ? before.voiceId : (voiceId ?? undefined),
          firstMessage: firstMessage === undefined ? before.firstMessage : (firstMessage ?? undefined),
        };
        agents.set(agentId, after);
        return after;
      }),
    getSubscription: (call) =>
      ask('getSubscription', call, () => ({
        voiceSlotsUsed: voices.size,
        voiceLimit: fake.voiceLimit,
        tier: 'creator',
        canClone: true,
      })),
  };

  const fake = {
    client: client as ElevenLabsClient, // which pre-call never closes
    agents,
    voices,
    added: [] as NewVoice[],
    asked: [] as { readonly request: Request; readonly atMs: number }[],
    voiceLimit: 10,
    requiresVerification: false,
    /** What it throws, the request throws without having done anything. */
    before: (() => undefined) as Hook,
    /** What it throws, the request throws although it has been done: its answer was lost. */
    after: (() => undefined) as Hook,
    /** A clone of ours, made just now unless something else is said. */
    putVoice(voiceId: string, facts: Partial<Voice> = {}): void {
      const createdAtSeconds = Math.floor(Date.now() / 1000);
      voices.set(voiceId, { voiceId, name: '', labels: OURS, category: 'cloned', createdAtSeconds, ...facts });
    },
  };
  return fake;
}

const UNAVAILABLE: Failure = { reason: 'upstream_unavailable', operation: 'a call', status: 500, retryable: true };

export function elevenLabsError(failure: Partial<Failure> = {}): ElevenLabsError {
  return new ElevenLabsError({ ...UNAVAILABLE, ...failure });
}

export function addVoiceError(outcome: AddVoiceOutcome, failure: Partial<Failure> = {}): AddVoiceError {
  return new AddVoiceError({ ...UNAVAILABLE, ...failure }, outcome);
}
