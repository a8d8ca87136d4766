import type { SettingProblem } from './settingProblems.ts';
import { areNested, type StoragePath } from './storagePath.ts';

/** The setting of an area, and where it is; undefined when its value has a problem of its own. */
export interface Area {
  readonly setting: string;
  readonly path: StoragePath | undefined;
}

/**
 * Where names could meet: two areas of which one is, or lies in, the other. Each of `own` has to be a place of its own, because
 * something lists or deletes all that is in it, or keeps there what nobody else may find; `others` may share theirs.
 */
export function meetings(own: readonly Area[], others: readonly Area[]): SettingProblem[] {
  return own.flatMap((area, index) => {
    const met = [...own.slice(0, index), ...others].find((other) => meet(area, other));
    return met === undefined ? [] : [meetingOf(area, met)];
  });
}

export function meet({ path }: Area, other: Area): boolean {
  return path !== undefined && other.path !== undefined && areNested(path, other.path);
}

export function meetingOf({ setting }: Area, other: Area): SettingProblem {
  return { setting, message: `must be a separate path, not that of ${other.setting}, inside it or around it` };
}
