import type { Spread } from './turns.ts';

/** One line of the table. */
export interface Row {
  readonly what: string;
  readonly measured: string;
  /** What it is compared with, measured in the same run. */
  readonly against: string;
  readonly target: string;
  readonly met: 'yes' | 'no' | '-';
  /** The same for programs; the unit stands in the name. */
  readonly figures: Readonly<Record<string, Spread | number>>;
}

/** What a figure has to reach. The short form runs on busy machines too, and is to catch a real loss, not noise. */
export interface Target {
  readonly is: 'at least' | 'at most';
  readonly limit: number;
  readonly inShortForm: number;
  readonly unit: string;
}

/** For a figure that is there to be compared with others, or that this machine cannot give. */
export const noTarget = { target: '-', met: '-' } as const;

/** Says whether the target is met; `value` in the unit of the target. */
export function judge(value: number, target: Target, isShort: boolean): Pick<Row, 'target' | 'met'> {
  const limit = isShort ? target.inShortForm : target.limit;
  if (!Number.isFinite(limit)) return noTarget;
  const isMet = target.is === 'at least' ? value >= limit : value <= limit;
  return { target: `${target.is} ${limit} ${target.unit}`, met: isMet ? 'yes' : 'no' };
}
