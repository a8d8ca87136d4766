import { type CallSummary, keyOf, type LiveEvents } from './api.ts';
import { timeOf } from './filter.ts';

export interface LiveState {
  /** Newest first. */
  readonly calls: readonly CallSummary[];
  /** Keys of calls that have come since the page knew all. */
  readonly arrived: ReadonlySet<string>;
  readonly isConnected: boolean;
  /** While the first listing runs: how many calls were looked at. */
  readonly seen: number | undefined;
  readonly listed: LiveEvents['listed'] | undefined;
  readonly problem: string | undefined;
}

export const NOTHING_YET: LiveState = {
  calls: [],
  arrived: new Set(),
  isConnected: false,
  seen: undefined,
  listed: undefined,
  problem: undefined,
};

/** A list of 10,000 is sorted and drawn at most so often. */
const DRAW_MS = 200;
const MOST_ARRIVED = 200;

/**
 * Follows the server's stream of events, and tells what it amounts to. While nobody looks at the page it is closed: the server asks
 * storage only for those who look.
 *
 * @returns what ends it.
 */
export function followCalls(tell: (state: LiveState) => void): () => void {
  const calls = new Map<string, CallSummary>();
  const arrived = new Set<string>();
  let state = NOTHING_YET;
  let source: EventSource | undefined;
  /** What a new stream has told so far; what it does not tell until it knows all is gone. */
  let told: Set<string> | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const draw = () => {
    timer = undefined;
    const sorted = [...calls.values()].sort((one, other) => timeOf(other).getTime() - timeOf(one).getTime());
    state = { ...state, calls: sorted, arrived: new Set(arrived) };
    tell(state);
  };
  const drawSoon = () => {
    timer ??= setTimeout(draw, DRAW_MS);
  };
  const change = (more: Partial<LiveState>) => {
    state = { ...state, ...more };
    drawSoon();
  };

  const on = <Name extends keyof LiveEvents>(name: Name, take: (data: LiveEvents[Name]) => void) =>
    source?.addEventListener(name, ({ data }: MessageEvent<string>) => take(JSON.parse(data)));

  const open = () => {
    source = new EventSource('/api/events');
    source.addEventListener('open', () => {
      told = new Set();
      change({ isConnected: true });
    });
    source.addEventListener('error', () => change({ isConnected: false }));
    on('calls', (changed) => {
      for (const call of changed) {
        const key = keyOf(call);
        told?.add(key);
        if (state.listed !== undefined && !calls.has(key)) arrived.add(key);
        calls.set(key, call);
      }
      for (const key of arrived) if (arrived.size > MOST_ARRIVED) arrived.delete(key);
      drawSoon();
    });
    on('gone', (keys) => {
      for (const key of keys) calls.delete(key);
      drawSoon();
    });
    on('listing', ({ seen }) => change({ seen }));
    on('problem', ({ message }) => change({ problem: message }));
    on('listed', (listed) => {
      if (told !== undefined) for (const key of [...calls.keys()]) if (!told.has(key)) calls.delete(key);
      told = undefined;
      change({ listed, seen: undefined, problem: undefined });
    });
  };

  const look = () => {
    source?.close();
    source = undefined;
    if (document.visibilityState === 'visible') open();
  };
  document.addEventListener('visibilitychange', look);
  look();
  return () => {
    document.removeEventListener('visibilitychange', look);
    source?.close();
    clearTimeout(timer);
  };
}
