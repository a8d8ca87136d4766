import { meetings } from './areas.ts';
import { type CallersConfiguration, callersSettingNames, readCallersSettings } from './callersSettings.ts';
import { type InitiationConfiguration, initiationSettingNames, readInitiationSettings } from './initiationSettings.ts';
import { type LogSettings, operatingSettingNames, readOperatingSettings } from './operatingSettings.ts';
import {
  type PostCallSettings,
  postCallAreas,
  postCallSettingNames,
  readPostCallSettings,
} from './postCallSettings.ts';
import { type PreCallSettings, preCallAreas, preCallSettingNames, readPreCallSettings } from './preCallSettings.ts';
import { type ReconcileConfiguration, readReconcileSettings, reconcileSettingNames } from './reconcileSettings.ts';
import {
  type Environment,
  onePerSetting,
  type SettingProblem,
  type SettingWarning,
  unresolvedReferences,
} from './settingProblems.ts';
import { readConnection, type StorageConnection } from './storageConnection.ts';
import { type StoragePath, storagePath } from './storagePath.ts';

/** What is to be said about the settings, by name and never with a value. */
export interface SettingNotes {
  readonly problems: readonly SettingProblem[];
  /** Problems in settings that only pre-call reads. */
  readonly preCallProblems: readonly SettingProblem[];
  /** What works, and should be known all the same. */
  readonly warnings: readonly SettingWarning[];
  /** The same of settings that only pre-call reads. */
  readonly preCallWarnings: readonly SettingWarning[];
  readonly reconciliation: ReconcileConfiguration;
  readonly callers: CallersConfiguration;
  readonly initiation: InitiationConfiguration;
}

export interface Configuration extends SettingNotes {
  /** Undefined when a setting that a delivery needs has a problem. */
  readonly postCall: PostCallSettings | undefined;
  /** Undefined when pre-call is not configured: no API key, or a problem in a setting that it needs. */
  readonly preCall: PreCallSettings | undefined;
  /** Whether somebody means to use pre-call: it has an API key, be it a good one or not. */
  readonly isPreCallUsed: boolean;
  /** Where the app writes down how it is; undefined when the connection or the path has a problem, which costs no delivery. */
  readonly state: { readonly connection: StorageConnection; readonly path: StoragePath } | undefined;
  /** The defaults stand in for values that have a problem, so that a typing error in them costs no delivery. */
  readonly log: LogSettings;
  /** NCRONTAB of the timer-triggered `sweep` and `reconcile`. */
  readonly sweepSchedule: string;
  readonly reconcileSchedule: string;
}

const STATE = 'STATE_STORAGE_PATH';
const stateField = storagePath('state');

/** Every setting that the app reads by its name; the storage connections have several spellings, see `readConnection`. */
export const settingNames: readonly string[] = [
  ...postCallSettingNames,
  STATE,
  ...operatingSettingNames,
  ...preCallSettingNames,
  ...reconcileSettingNames,
  ...callersSettingNames,
  ...initiationSettingNames,
];

/** Reads all settings from the environment and reports every problem at once. An empty value counts as not set. */
export function readSettings(environment: Environment): Configuration {
  const known = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  );
  const postCall = readPostCallSettings(known);
  const state = readState(known);
  const { own, others } = postCallAreas(known);
  const areas = [...own, state.area, ...others];
  const preCall = readPreCallSettings(known, postCall.settings, areas);
  const callers = readCallersSettings(known, [...areas, ...preCallAreas(known)]);
  const operating = readOperatingSettings(known);
  const problems = onePerSetting([
    ...unresolvedReferences(known, [...operatingSettingNames, ...storageNames(known)]),
    ...postCall.problems,
    ...state.problems,
  ]);
  const isProblem = ({ setting }: SettingProblem) => problems.some((problem) => problem.setting === setting);
  return {
    postCall: postCall.settings,
    preCall: preCall.settings,
    isPreCallUsed: known['ELEVENLABS_API_KEY'] !== undefined,
    state: state.settings,
    log: operating.log,
    sweepSchedule: operating.sweepSchedule,
    reconcileSchedule: operating.reconcileSchedule,
    reconciliation: readReconcileSettings(known, state.settings?.path),
    initiation: readInitiationSettings(known),
    callers,
    problems,
    preCallProblems: preCall.problems,
    warnings: [...postCall.warnings, ...operating.warnings].filter((warning) => !isProblem(warning)),
    preCallWarnings: preCall.settings === undefined ? [] : [...preCall.warnings, ...callers.warnings],
  };
}

function readState(known: Environment) {
  const parsed = stateField.safeParse(known[STATE]);
  const area = { setting: STATE, path: parsed.data };
  const { own, others } = postCallAreas(known);
  const problems = [
    ...unresolvedReferences(known, [STATE]),
    ...(parsed.error?.issues ?? []).map(({ message }) => ({ setting: STATE, message })),
    ...meetings([area], [...own, ...others]),
  ];
  const connection = readConnection(known);
  const isUsable = parsed.success && problems.length === 0 && !('setting' in connection);
  return { area, problems, settings: isUsable ? { connection, path: parsed.data } : undefined };
}

function storageNames(environment: Environment): string[] {
  return Object.keys(environment).filter((name) => /^(CallStorage|AzureWebJobsStorage)(__|$)/.test(name));
}
