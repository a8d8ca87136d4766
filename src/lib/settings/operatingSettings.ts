import * as z from 'zod/mini';
import { scheduleProblem } from './schedule.ts';
import { word } from './settingFields.ts';
import { type Environment, problemsOf, type SettingWarning } from './settingProblems.ts';

export type LogLevel = 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR';

export interface LogSettings {
  readonly level: LogLevel;
  readonly format: 'text' | 'json';
}

const schedule = (fallback: string) =>
  z._default(
    z.string().check(
      z.trim(),
      z.superRefine((text, context) => {
        const problem = scheduleProblem(text);
        if (problem !== undefined) context.addIssue(problem);
      }),
    ),
    fallback,
  );

const fields = z.object({
  LOG_LEVEL: z._default(word(['DEBUG', 'INFO', 'WARNING', 'ERROR'], 'must be DEBUG, INFO, WARNING or ERROR'), 'INFO'),
  LOG_FORMAT: z._default(word(['text', 'json'], 'must be text or json'), 'text'),
  SWEEP_SCHEDULE: schedule('0 */5 * * * *'),
  RECONCILE_SCHEDULE: schedule('0 7 * * * *'),
});

export const operatingSettingNames: readonly string[] = Object.keys(fields.shape);

/** Reads what no delivery needs: an invalid value is replaced by the default, with a warning. */
export function readOperatingSettings(known: Environment): {
  readonly log: LogSettings;
  readonly sweepSchedule: string;
  readonly reconcileSchedule: string;
  readonly warnings: readonly SettingWarning[];
} {
  return {
    log: { level: usable(known, 'LOG_LEVEL'), format: usable(known, 'LOG_FORMAT') },
    sweepSchedule: usable(known, 'SWEEP_SCHEDULE'),
    reconcileSchedule: usable(known, 'RECONCILE_SCHEDULE'),
    warnings: problemsOf(fields.safeParse(known)).map(({ setting, message }) => ({
      setting,
      message: `${message}; the default is used instead`,
      level: 'WARNING',
    })),
  };
}

function usable<K extends keyof typeof fields.shape>(known: Environment, name: K): z.infer<(typeof fields.shape)[K]> {
  const field: z.ZodMiniType = fields.shape[name];
  const parsed = field.safeParse(known[name]);
  return (parsed.success ? parsed.data : field.parse(undefined)) as z.infer<(typeof fields.shape)[K]>; // of that field
}
