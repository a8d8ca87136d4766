import type { Machine } from './machine.ts';
import type { Row } from './row.ts';

/** What one run of the bench has found. */
export interface Run extends Machine {
  readonly isShort: boolean;
  /** No group was left out. */
  readonly isWhole: boolean;
  readonly seconds: number;
  readonly rows: (Row & { readonly group: string })[];
}

/** Where runs are written, from the root of the repository. */
export const results = { full: '.bench/result.json', short: '.bench/short.json' } as const;

export function resultOf({ isShort }: Pick<Run, 'isShort'>): URL {
  return new URL(`../${isShort ? results.short : results.full}`, import.meta.url);
}
