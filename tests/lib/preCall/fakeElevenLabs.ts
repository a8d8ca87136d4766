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

export type Operation = 'addVoice' | 'findVoices' | 'getVoice' | 'deleteVoice' | 'getAgent' | 'patchAgent';
type Hook = (operation: Operation, id: string) => void | Promise<void>;

/** What the clones and agents of pre-call need of ElevenLabs, in memory. */
export interface FakeElevenLabs {
  readonly voices: Map<string, Voice>;
  readonly agents: Map<string, Agent>;
  readonly added: NewVoice[];
  readonly asked: { readonly operation: Operation; readonly atMs: number }[];
  requiresVerification: boolean;
  /** Told before each operation and after it; what it throws, the operation throws. */
  before: Hook;
  after: Hook;
}

export function fakeElevenLabs(): FakeElevenLabs {
  return {
    voices: new Map(),
    agents: new Map(),
    added: [],
    asked: [],
    requiresVerification: false,
    before: () => undefined,
    after: () => undefined,
  };
}

export function elevenLabsError(failure: Partial<Failure> = {}): ElevenLabsError {
  return new ElevenLabsError({ ...UNAVAILABLE, ...failure });
}

export function addVoiceError(outcome: AddVoiceOutcome, failure: Partial<Failure> = {}): AddVoiceError {
  return new AddVoiceError({ ...UNAVAILABLE, ...failure }, outcome);
}

const UNAVAILABLE: Failure = { reason: 'upstream_unavailable', operation: 'a call', status: 500, retryable: true };

/** The client by which the app uses it. */
export function clientOf(fake: FakeElevenLabs): ElevenLabsClient {
  const ask = async <T>(operation: Operation, id: string, { signal }: Call, answer: () => T): Promise<T> => {
    fake.asked.push({ operation, atMs: Date.now() });
    await fake.before(operation, id);
    if (signal.aborted) throw elevenLabsError({ what: 'was not asked' });
    const answered = answer();
    await fake.after(operation, id);
    return answered;
  };
  const standing = <T>(all: Map<string, T>, id: string): T => {
    const found = all.get(id);
    if (found === undefined) throw elevenLabsError({ reason: 'not_found', status: 404, retryable: false });
    return found;
  };
  const client: Pick<ElevenLabsClient, Operation> = {
    addVoice: (voice, call) =>
      ask('addVoice', voice.name, call, () => {
        fake.added.push(voice);
        const { name, labels } = voice;
        const voiceId = `voice_${fake.added.length}`;
        const createdAtSeconds = Math.floor(Date.now() / 1000);
        fake.voices.set(voiceId, { voiceId, name, labels, category: 'cloned', createdAtSeconds });
        return { voiceId, requiresVerification: fake.requiresVerification };
      }),
    async *findVoices({ category, labels = {} }, call) {
      yield* await ask('findVoices', '', call, () =>
        [...fake.voices.values()].filter(
          (voice) =>
            voice.category === category &&
            Object.entries(labels).every(([label, value]) => voice.labels[label] === value),
        ),
      );
    },
    getVoice: (id, call) => ask('getVoice', id, call, () => standing(fake.voices, id)),
    deleteVoice: (id, call) => ask('deleteVoice', id, call, () => void fake.voices.delete(id)),
    getAgent: (id, call) => ask('getAgent', id, call, () => standing(fake.agents, id)),
    patchAgent: ({ agentId, voiceId, firstMessage }, call) =>
      ask('patchAgent', agentId, call, () => {
        const before = standing(fake.agents, agentId);
        const after = {
          agentId,
          voiceId: voiceId ?? before.voiceId,
          firstMessage: firstMessage ?? before.firstMessage,
        };
        fake.agents.set(agentId, after);
        return after;
      }),
  };
  return client as ElevenLabsClient; // whose other members pre-call does not use for a clone
}
