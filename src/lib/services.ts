import { labelOfNumber, rememberedKey } from './callers/callerKey.ts';
import { CallerDirectory } from './callers/directory.ts';
import { normaliseNumber } from './callers/number.ts';
import { voicesOf } from './callers/voices.ts';
import type { ErasingServices } from './calls/finishErasures.ts';
import { ElevenLabsClient } from './elevenlabs/client.ts';
import { ConversationsApi } from './elevenlabs/conversations.ts';
import { Health } from './health.ts';
import type { StateArea } from './heartbeat.ts';
import type { InitiationContext } from './initiation/context.ts';
import type { KnownAgents } from './initiation/knownAgents.ts';
import { openAgents, openInitiation } from './openInitiation.ts';
import { type CallStore, openCallStore } from './postCall/callStore.ts';
import type { PreCallContext } from './preCall/context.ts';
import { installationId } from './preCall/state/records.ts';
import type { ReconcileContext } from './reconcile/context.ts';
import type { PostCallSettings } from './settings/postCallSettings.ts';
import type { PreCallSettings } from './settings/preCallSettings.ts';
import { type Configuration, readSettings } from './settings/settings.ts';
import { readStorageAreas } from './settings/storageAreas.ts';
import { BlobStorage, type RetryBudget } from './storage/blobStorage.ts';
import { upkeep } from './storage/proof.ts';
import { StateStore } from './storage/stateStore.ts';
import type { Telemetry } from './telemetry/telemetry.ts';

const STATE_BUDGET: RetryBudget = { totalMs: 25_000, tryMs: 15_000 };

/** What the functions of a process share. */
export interface Services {
  readonly configuration: Configuration;
  readonly postCall: { readonly settings: PostCallSettings; readonly store: CallStore } | undefined;
  /** Undefined when pre-call is not configured. */
  readonly preCall: PreCallContext | undefined;
  /** Undefined when reconciliation is not configured; whether it is switched on is another question. */
  readonly reconciliation: ReconcileContext | undefined;
  /** Who is known by number; undefined when the settings do not say where, or have a problem. */
  readonly callers: CallerDirectory | undefined;
  /** What agents allow and demand of a call; undefined when the settings do not say where that is kept. */
  readonly agents: KnownAgents | undefined;
  /** Undefined when the initiation webhook is not configured. */
  readonly initiation: InitiationContext | undefined;
  /** The API with the app's key, for what any part of the app may ask; undefined without a usable one. */
  readonly elevenLabs: ElevenLabsClient | undefined;
  /** Where the app writes down how it is; undefined when the settings do not say where. */
  readonly state: StateArea | undefined;
  /** What erasing needs, by which `sweep` goes on with what a command has begun. */
  readonly erasing: ErasingServices | undefined;
  readonly health: Health;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Undefined when nobody measures. */
  readonly telemetry?: Telemetry | undefined;
}

export interface ServiceOptions {
  readonly now?: () => number;
  readonly storageBudget?: RetryBudget;
  readonly telemetry?: Telemetry | undefined;
}

export function openServices(
  environment: Readonly<Record<string, string | undefined>>,
  options: ServiceOptions = {},
): Services {
  const configuration = readSettings(environment);
  const { now = Date.now, storageBudget, telemetry } = options;
  const settings = configuration.postCall;
  const store =
    settings && openCallStore(settings, { statePath: configuration.state?.path, budget: storageBudget, telemetry });
  const postCall = settings && store && { settings, store };
  const state = openState(configuration, store, options);
  const agents = state && openAgents(configuration, state, { now, telemetry });
  const initiation = openInitiation(configuration, { now, telemetry });
  const { callers, ...ofCallers } = openCallers(configuration, state, now);
  const preCall =
    configuration.preCall && store && openPreCall(configuration.preCall, store, { now, telemetry, ...ofCallers });
  const reconciliation = store && openReconciliation(configuration, store, { now, telemetry });
  const ofReconciliation = configuration.reconciliation.settings?.elevenLabs;
  const elevenLabs =
    preCall?.elevenLabs ?? (ofReconciliation && new ElevenLabsClient({ ...ofReconciliation, telemetry }));
  const areas = readStorageAreas(environment);
  const erasing =
    store === undefined || state === undefined || 'setting' in areas
      ? undefined
      : { storage: store.storage, areas, elevenLabs: preCall?.elevenLabs, now };
  const health = new Health({ configuration, postCall, preCall, reconciliation, initiation, state, erasing, now });
  return {
    configuration,
    postCall,
    preCall,
    reconciliation,
    callers,
    agents,
    initiation,
    elevenLabs,
    state,
    erasing,
    health,
    now,
    telemetry,
  };
}

interface Surroundings {
  readonly now: () => number;
  readonly telemetry: Telemetry | undefined;
}

function openReconciliation(
  { reconciliation: { settings } }: Configuration,
  store: CallStore,
  { now, telemetry }: Surroundings,
): ReconcileContext | undefined {
  if (settings === undefined) return undefined;
  const { storage } = store;
  const state = new StateStore(upkeep(), storage, settings.statePath);
  return {
    settings,
    store,
    storage,
    state,
    api: new ConversationsApi({ ...settings.elevenLabs, telemetry }),
    telemetry,
    now,
  };
}

/** Also without a store: the heartbeat matters most when the app refuses everything because a secret is missing. */
function openState(
  { state }: Configuration,
  store: CallStore | undefined,
  { storageBudget = STATE_BUDGET, telemetry }: ServiceOptions,
): StateArea | undefined {
  if (state === undefined) return undefined;
  return { storage: store?.storage ?? new BlobStorage(state.connection, storageBudget, telemetry), path: state.path };
}

function openPreCall(
  settings: PreCallSettings,
  { storage, bodies }: CallStore,
  { now, telemetry, ...ofCallers }: Surroundings & OfCallers,
): PreCallContext {
  const state = new StateStore(upkeep(), storage, settings.statePath);
  let known: Promise<string> | undefined;
  const installation = (by: StateStore) => {
    known ??= installationId(by).catch((error: unknown) => {
      known = undefined;
      throw error;
    });
    return known;
  };
  const elevenLabs = new ElevenLabsClient({ ...settings.elevenLabs, telemetry });
  return { settings, storage, state, bodies, elevenLabs, installation, ...ofCallers, now };
}

type OfCallers = Pick<PreCallContext, 'callerLabel' | 'directoryVoices' | 'remembering'>;

/** The directory of callers, and what pre-call needs of it. Nobody deletes a voice while it cannot be asked which ones it names. */
function openCallers(
  { callers: { settings } }: Configuration,
  state: StateArea | undefined,
  now: () => number,
): OfCallers & Pick<Services, 'callers'> {
  const key = state && rememberedKey(state);
  const callerLabel = key && labelsCallers(key, settings?.country);
  if (settings === undefined || state === undefined || key === undefined) {
    const unknown = async () => {
      throw new Error('The settings do not say where the directory of callers is: its voices are not known.');
    };
    return { callers: undefined, callerLabel, directoryVoices: unknown };
  }
  const { storage, path: statePath } = state;
  const directory = new CallerDirectory({
    authority: upkeep(),
    storage,
    path: settings.path,
    key,
    country: settings.country,
    now,
  });
  return {
    callers: directory,
    callerLabel,
    directoryVoices: async () => new Set((await voicesOf(directory)).keys()),
    remembering: settings.remembers ? { directory, statePath } : undefined,
  };
}

function labelsCallers(
  key: () => Promise<Buffer>,
  country: string | undefined,
): NonNullable<PreCallContext['callerLabel']> {
  return async (given) => {
    const number = normaliseNumber(given, country);
    return number === undefined ? undefined : labelOfNumber(await key(), number);
  };
}
