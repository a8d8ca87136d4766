import type * as z from 'zod/mini';

/** A setting that is missing or wrong, by name and never with its value. */
export interface SettingProblem {
  readonly setting: string;
  readonly message: string;
}

/** What an operator should know about a setting with which the app works all the same: never a reason to refuse anything. */
export interface SettingWarning extends SettingProblem {
  /** `ERROR` when the app does not do what the setting says. */
  readonly level: 'WARNING' | 'ERROR';
}

export type Environment = Readonly<Record<string, string | undefined>>;

export const KEY_VAULT_REFERENCE = /@microsoft\.keyvault\(/i;

/** When the identity may not read the vault yet, the platform hands the reference itself over as the value. */
export function unresolvedReferences(environment: Environment, names: readonly string[]): SettingProblem[] {
  return names
    .filter((name) => KEY_VAULT_REFERENCE.test(environment[name] ?? ''))
    .map((setting) => ({
      setting,
      message: 'is an unresolved Key Vault reference: give the identity the role Key Vault Secrets User and restart',
    }));
}

export function problemsOf(result: { error?: z.core.$ZodError | undefined }): SettingProblem[] {
  return (result.error?.issues ?? []).map((issue) => ({ setting: String(issue.path[0]), message: issue.message }));
}

export function onePerSetting(problems: readonly SettingProblem[]): SettingProblem[] {
  return [...new Map([...problems].reverse().map((problem) => [problem.setting, problem])).values()].reverse();
}
