import type { AgentChange, ElevenLabsClient } from '../../../src/lib/elevenlabs/client.ts';
import { ElevenLabsError, type Reason } from '../../../src/lib/elevenlabs/errors.ts';
import type { Agent, Voice } from '../../../src/lib/elevenlabs/schemas.ts';
import * as records from '../../../src/lib/preCall/records.ts';
import type { PreCallSettings } from '../../../src/lib/preCall/settings.ts';
import { type RecordKind, StateStore } from '../../../src/lib/preCall/state.ts';
import type { PreCallWorld, Work } from '../../../src/lib/preCall/world.ts';
import { type MemoryStorage, memoryStorage } from './memoryStorage.ts';

export const OWN: Agent = { agentId: 'agent_1', voiceId: 'voice_own', firstMessage: 'Good morning' };
export const SAMPLE = 'a'.repeat(64);
export const MINUTE_MS = 60_000;
/** Labels by which a voice is one of ours. */
export const OURS = { made_by: 'elevenlabs-webhook', installation: 'installation_1' };

const STATE_PATH = { container: 'state', prefix: 'pre-call/' };
const CALL_PATHS = {
  transcripts: { container: 'calls', prefix: 'transcripts/' },
  audio: { container: 'sound', prefix: 'audio/' },
  callFailures: { container: 'calls', prefix: 'failures/' },
};
/** More than any test needs: who asks without a pause is stopped. */
const MOST_OPERATIONS = 300;

/** Storage in memory, an ElevenLabs in memory, one piece of work, and a clock that stands until a test moves it. */
export function lendWorld(settings: { deletesClones?: boolean; slotsReserve?: number } = {}) {
  const clock = { ms: 1_700_000_000_000 };
  const now = () => clock.ms;
  const storage = memoryStorage(now);
  const { attempt } = storage;
  let operations = 0;
  storage.attempt = (...given) => {
    if (++operations > MOST_OPERATIONS) throw new Error('Storage is asked without end');
    return attempt(...given);
  };
  const state = new StateStore(storage, STATE_PATH);
  const elevenLabs = fakeElevenLabs();
  const known: Pick<PreCallWorld, 'storage' | 'state' | 'now' | 'installation'> = {
    storage,
    state,
    now,
    installation: async () => OURS.installation,
  };
  // As far as the code under test looks at them.
  const used = { statePath: STATE_PATH, callPaths: CALL_PATHS, deletesClones: false, slotsReserve: 0, ...settings };
  const client = elevenLabs as unknown as ElevenLabsClient;
  const world = { ...known, elevenLabs: client, settings: used as PreCallSettings } as PreCallWorld;
  const lines: object[] = [];
  const end = new AbortController();
  const work: Work = {
    id: 'work_1',
    signal: end.signal,
    endsAtMs: performance.now() + MINUTE_MS,
    log: { write: (level, message, fields) => lines.push({ level, message, ...fields }) },
  };
  return { world, work, elevenLabs, storage, clock, end, lines, records: recordsIn(state, storage, now) };
}

function recordsIn(state: StateStore, storage: MemoryStorage, now: () => number) {
  /** Whatever stood there before. */
  const put = async <T>(kind: RecordKind<T>, name: string, value: T) => {
    const { isNew, record } = await state.create(kind, name, value);
    if (isNew) return record;
    const replaced = await state.replace(kind, record, value);
    if (replaced === undefined) throw new Error(`${name} is being changed`);
    return replaced;
  };
  const find = async <T>(kind: RecordKind<T>, name: string) => (await state.read(kind, name))?.value;
  return {
    putAgent: (value: Partial<records.AgentState>, name = OWN.agentId) =>
      put(records.agents, name, { ...records.NOTHING_LENT, ...value }),
    putVoice: (value: records.VoiceState, name = SAMPLE) => put(records.voices, name, value),
    putConversation: (value: Partial<records.Conversation> = {}, name = 'conv_1') =>
      put(records.conversations, name, {
        agent_id: OWN.agentId,
        sample_sha256: SAMPLE,
        expires_at: now() + 15 * MINUTE_MS,
        claim: null,
        answer: null,
        ended: false,
        ...value,
      }),
    agent: (name = OWN.agentId) => find(records.agents, name),
    voice: (name = SAMPLE) => find(records.voices, name),
    conversation: (name = 'conv_1') => find(records.conversations, name),
    /** Once, just before the next such operation: what another instance does meanwhile, or an error. */
    before(operation: Parameters<MemoryStorage['before']>[0], part: string, action: () => unknown) {
      storage.before = async (found, path) => {
        if (found !== operation || !path.includes(part)) return;
        storage.before = () => undefined;
        await action();
      };
    },
    /** The paths of all such operations from now on. */
    watch(operation: Parameters<MemoryStorage['before']>[0]) {
      const paths: string[] = [];
      storage.before = (found, path) => {
        if (found === operation) paths.push(path);
      };
      return paths;
    },
    vanish: (part: string) => {
      for (const path of [...storage.blobs.keys()]) if (path.includes(part)) storage.blobs.delete(path);
    },
  };
}

type Used = Pick<ElevenLabsClient, 'getAgent' | 'patchAgent' | 'deleteVoice' | 'findVoices' | 'getSubscription'>;

function fakeElevenLabs() {
  const agents = new Map<string, Agent>([[OWN.agentId, OWN]]);
  const voices = new Map<string, Voice>();

  const answer = async <T>(request: string, { signal }: { signal: AbortSignal }, act: () => T): Promise<T> => {
    signal.throwIfAborted();
    fake.requests.push(request);
    await fake.before(request);
    const found = act();
    await fake.after(request);
    return found;
  };
  const agentOf = (agentId: string): Agent => {
    const agent = agents.get(agentId);
    if (agent === undefined) throw failed('not_found');
    return agent;
  };
  const change = ({ agentId, voiceId, firstMessage }: AgentChange): Agent => {
    const { voiceId: voice, firstMessage: message } = agentOf(agentId);
    const changed: Agent = {
      agentId,
      voiceId: voiceId === undefined ? voice : (voiceId ?? undefined),
      firstMessage: firstMessage === undefined ? message : (firstMessage ?? undefined),
    };
    agents.set(agentId, changed);
    return changed;
  };

  const used: Used = {
    getAgent: (agentId, call) => answer(`GET ${agentId}`, call, () => agentOf(agentId)),
    patchAgent: (wanted, call) => answer(`PATCH ${wanted.agentId}`, call, () => change(wanted)),
    deleteVoice: (voiceId, call) => answer(`DELETE ${voiceId}`, call, () => void voices.delete(voiceId)),
    getSubscription: (call) =>
      answer('SUBSCRIPTION', call, () => ({
        tier: 'starter',
        voiceSlotsUsed: voices.size,
        voiceLimit: fake.voiceLimit,
        canClone: true,
      })),
    async *findVoices({ category, labels = {} }, call) {
      const all = await answer('LIST', call, () => [...voices.values()]);
      yield* all.filter(
        (voice) =>
          voice.category === category &&
          Object.entries(labels).every(([label, value]) => voice.labels[label] === value),
      );
    },
  };
  const fake = {
    ...used,
    agents,
    voices,
    voiceLimit: 10,
    /** `GET agent_1`, `PATCH agent_1`, `DELETE voice_1`, `LIST`, `SUBSCRIPTION`, in their order. */
    requests: [] as string[],
    /** What it throws, the request throws without having done anything. */
    before: (_request: string): unknown => undefined,
    /** What it throws, the request throws although it has been done: its answer was lost. */
    after: (_request: string): unknown => undefined,
    /** A voice that is ours unless something else is said. */
    addVoice: (voiceId: string, madeAtMs: number | undefined, other: Partial<Voice> = {}) => {
      const createdAtSeconds = madeAtMs === undefined ? undefined : madeAtMs / 1000;
      voices.set(voiceId, { voiceId, name: '', labels: OURS, category: 'cloned', createdAtSeconds, ...other });
    },
  };
  return fake;
}

export function failed(reason: Reason): ElevenLabsError {
  return new ElevenLabsError({ reason, operation: 'an operation', retryable: false });
}
