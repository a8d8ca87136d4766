import { type CallSummary, keyOf } from './api.ts';
import { timeOf } from './filter.ts';
import { isSameDay, showDay } from './times.ts';

export const DAY_HEIGHT = 36;
export const CALL_HEIGHT = 64;

/** A line of the list, and where it is, in pixels from the top. */
export type Row = { readonly key: string; readonly top: number } & (
  | { readonly kind: 'day'; readonly label: string }
  /** `position` counts calls alone, from 1. */
  | { readonly kind: 'call'; readonly call: CallSummary; readonly position: number }
);

export interface Rows {
  readonly rows: readonly Row[];
  readonly height: number;
}

/** Calls, newest first, with a heading before the first of each day. */
export function rowsOf(calls: readonly CallSummary[], now: Date): Rows {
  const rows: Row[] = [];
  let top = 0;
  let day: Date | undefined;
  for (const [index, call] of calls.entries()) {
    const time = timeOf(call);
    if (day === undefined || !isSameDay(day, time)) {
      day = time;
      rows.push({ kind: 'day', key: `day ${time.toDateString()}`, label: showDay(time, now), top });
      top += DAY_HEIGHT;
    }
    rows.push({ kind: 'call', key: keyOf(call), call, position: index + 1, top });
    top += CALL_HEIGHT;
  }
  return { rows, height: top };
}

/** The index of the row that a place is in; the first row for what is above it. */
export function rowAt(rows: readonly Row[], top: number): number {
  let low = 0;
  let high = rows.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((rows[middle]?.top ?? 0) <= top) low = middle;
    else high = middle - 1;
  }
  return low;
}
