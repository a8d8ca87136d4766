import { isSupportedCountry } from 'libphonenumber-js/min';
import * as z from 'zod/mini';
import { type Area, meetings } from './areas.ts';
import { boolean } from './settingFields.ts';
import {
  type Environment,
  onePerSetting,
  problemsOf,
  type SettingProblem,
  type SettingWarning,
  unresolvedReferences,
} from './settingProblems.ts';
import { type StoragePath, storagePath } from './storagePath.ts';

interface CallersSettings {
  readonly path: StoragePath;
  /** ISO 3166, two letters: where a number without a country is from. Undefined: it is taken as text. */
  readonly country: string | undefined;
  /** Whether pre-call writes callers into the directory. */
  readonly remembers: boolean;
}

/** What of the settings concerns the directory of callers: a problem in it costs nothing else. */
export interface CallersConfiguration {
  /** Undefined with a problem. */
  readonly settings: CallersSettings | undefined;
  readonly problems: readonly SettingProblem[];
  readonly warnings: readonly SettingWarning[];
}

const fields = z.object({
  CALLERS_STORAGE_PATH: storagePath('callers'),
  CALLERS_DEFAULT_COUNTRY: z.optional(
    z
      .pipe(
        z.string(),
        z.transform((text) => text.trim().toUpperCase()),
      )
      .check(z.refine((code) => isSupportedCountry(code), 'must be a country in two letters, such as NL')),
  ),
  REMEMBER_CALLERS: boolean(false),
});

export const callersSettingNames: readonly string[] = Object.keys(fields.shape);

/** `areas` are all the others: an entry of the directory must not be found, listed or deleted as something else. */
export function readCallersSettings(known: Environment, areas: readonly Area[]): CallersConfiguration {
  const parsed = fields.safeParse(known);
  const problems = onePerSetting([
    ...unresolvedReferences(known, callersSettingNames),
    ...problemsOf(parsed),
    ...meetings([areaOf(known)], areas),
  ]);
  if (!parsed.success || problems.length > 0) return { settings: undefined, problems, warnings: [] };
  const { CALLERS_STORAGE_PATH: path, CALLERS_DEFAULT_COUNTRY: country, REMEMBER_CALLERS: remembers } = parsed.data;
  return { settings: { path, country, remembers }, problems, warnings: remembers ? [REMEMBERS] : [] };
}

/** Whether pre-call is to write callers into the directory, whatever else is wrong. */
export function remembersCallers(known: Environment): boolean {
  return fields.shape.REMEMBER_CALLERS.safeParse(known['REMEMBER_CALLERS']).data ?? false;
}

/** The country of numbers without one, for commands; undefined without a usable one. */
export function defaultCountry(environment: Environment): string | undefined {
  return fields.shape.CALLERS_DEFAULT_COUNTRY.safeParse(environment['CALLERS_DEFAULT_COUNTRY'] || undefined).data;
}

function areaOf(known: Environment): Area {
  const setting = 'CALLERS_STORAGE_PATH';
  return { setting, path: fields.shape[setting].safeParse(known[setting]).data };
}

const REMEMBERS: SettingWarning = {
  setting: 'REMEMBER_CALLERS',
  message:
    'is true: names and voices of callers who have agreed to it are kept in the directory, and whoever calls with a number gets its voice',
  level: 'WARNING',
};
