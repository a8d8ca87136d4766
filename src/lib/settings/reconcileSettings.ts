import * as z from 'zod/mini';
import { type ElevenLabsSettings, elevenLabsFields, elevenLabsOf } from './elevenLabsSettings.ts';
import { agentIds, boolean, wholeNumber } from './settingFields.ts';
import {
  type Environment,
  onePerSetting,
  problemsOf,
  type SettingProblem,
  unresolvedReferences,
} from './settingProblems.ts';
import type { StoragePath } from './storagePath.ts';

export interface ReconcileSettings {
  readonly elevenLabs: ElevenLabsSettings;
  /** Whose calls are fetched; empty: those of which a webhook event is stored. */
  readonly agentIds: readonly string[];
  /** How long after its end a call may still come by webhook. */
  readonly afterMs: number;
  /** How far a first run looks back, and how old a call may be that is fetched without being asked for. */
  readonly days: number;
  readonly statePath: StoragePath;
}

const MINUTE_MS = 60_000;

const fields = z.object({
  ...elevenLabsFields('reconciliation'),
  RECONCILE_AGENT_IDS: agentIds,
  RECONCILE_AFTER_MINUTES: wholeNumber(60, { most: 10_080 }),
  RECONCILE_DAYS: wholeNumber(7, { least: 1, most: 730 }),
});

const SWITCH = 'ENABLE_RECONCILIATION';
const enabled = boolean(false);

/** Without those of the key, which pre-call needs as well. */
export const reconcileSettingNames: readonly string[] = [
  SWITCH,
  ...Object.keys(fields.shape).filter((name) => name.startsWith('RECONCILE_')),
];

/** Of others, too: see `readSettings`. */
const STATE = 'STATE_STORAGE_PATH';

/** What of the settings concerns reconciliation: a problem in it costs nothing else. */
export interface ReconcileConfiguration {
  readonly isEnabled: boolean;
  /** What it would work with, also where the timer is switched off: the command does not ask. Undefined with a problem. */
  readonly settings: ReconcileSettings | undefined;
  readonly problems: readonly SettingProblem[];
}

/** `statePath` is undefined when its own setting has a problem. */
export function readReconcileSettings(known: Environment, statePath: StoragePath | undefined): ReconcileConfiguration {
  const isEnabled = enabled.safeParse(known[SWITCH]);
  const parsed = fields.safeParse(known);
  const problems = onePerSetting([
    ...unresolvedReferences(known, [SWITCH, ...Object.keys(fields.shape)]),
    ...(isEnabled.error?.issues ?? []).map(({ message }) => ({ setting: SWITCH, message })),
    ...problemsOf(parsed),
    ...(statePath === undefined
      ? [{ setting: STATE, message: 'is not usable, and progress is written down there' }]
      : []),
  ]);
  const isUsable = parsed.success && statePath !== undefined && problems.length === 0;
  return {
    isEnabled: isEnabled.data ?? true, // who writes something there does not mean to leave it off unseen
    settings: isUsable ? combine(parsed.data, statePath) : undefined,
    problems,
  };
}

function combine(values: z.infer<typeof fields>, statePath: StoragePath): ReconcileSettings {
  return {
    elevenLabs: elevenLabsOf(values),
    agentIds: values.RECONCILE_AGENT_IDS,
    afterMs: values.RECONCILE_AFTER_MINUTES * MINUTE_MS,
    days: values.RECONCILE_DAYS,
    statePath,
  };
}
