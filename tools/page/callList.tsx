import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { type CallSummary, keyOf } from './api.ts';
import { CallRow } from './callRow.tsx';
import { type Filter, NO_FILTER } from './filter.ts';
import type { LiveState } from './liveCalls.ts';
import { CALL_HEIGHT, type Row, rowAt, rowsOf } from './rows.ts';
import { callHash, type Shown } from './shown.ts';

interface Props {
  /** Those that fit, newest first. */
  readonly calls: readonly CallSummary[];
  /** How many there are. */
  readonly all: number;
  readonly live: LiveState;
  readonly shown: Shown;
  readonly filter: Filter;
}

/** Rows beyond the visible ones, so that scrolling and the keyboard find something there. */
const BEYOND = 6;

/** However many calls there are, only those that one sees are in the page. Arrow keys go from one to the next. */
export function CallList({ calls, all, live, shown, filter }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 800 });
  const [focused, setFocused] = useState<string>();
  const hasKeyboard = useRef(false);
  const { rows, height } = useMemo(() => rowsOf(calls, new Date()), [calls]);
  const keys = useMemo(() => new Map(rows.map((row, index) => [row.key, index])), [rows]);
  useAnchor(box, rows, keys);

  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const measure = () => setView({ top: element.scrollTop, height: element.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener('scroll', measure, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', measure);
    };
  }, []);

  const shownKey = shown.kind === 'call' ? `${shown.agentId}/${shown.conversationId}` : undefined;
  const firstCall = calls[0] === undefined ? undefined : keyOf(calls[0]);
  const entry = [focused, shownKey].find((key) => key !== undefined && keys.has(key)) ?? firstCall;
  const first = Math.max(0, rowAt(rows, view.top) - BEYOND);
  const last = Math.min(rows.length, rowAt(rows, view.top + view.height) + BEYOND + 1);
  const entryIndex = keys.get(entry ?? '') ?? -1;
  const visible = rows.slice(first, last);
  const entryRow = rows[entryIndex];
  if (entryRow !== undefined && (entryIndex < first || entryIndex >= last)) visible.push(entryRow); // Tab finds it

  useLayoutEffect(() => {
    if (!hasKeyboard.current || focused === undefined) return;
    hasKeyboard.current = false;
    box.current
      ?.querySelector<HTMLElement>(`a[href="${CSS.escape(callHash(focused))}"]`)
      ?.focus({ preventScroll: true });
  });

  const move = (event: KeyboardEvent) => {
    const position = callsAway(event.key, view.height);
    const from = rows[entryIndex];
    if (position === undefined || from?.kind !== 'call' || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const to = calls[Math.min(calls.length - 1, Math.max(0, from.position - 1 + position))];
    const row = to === undefined ? undefined : rows[keys.get(keyOf(to)) ?? -1];
    if (row === undefined) return;
    hasKeyboard.current = true;
    setFocused(row.key);
    reveal(box.current, row);
  };

  return (
    <>
      <p class="hint" role="status">
        {said({ calls, all, live, filter })}
      </p>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the links in it have the focus; this hears their arrow keys */}
      <div class="list" ref={box} onKeyDown={move}>
        <ul style={{ height: `${height}px` }}>
          {visible.map((row) => (
            <CallRow
              key={row.key}
              row={row}
              total={calls.length}
              isShown={row.key === shownKey}
              isEntry={row.key === entry}
              isNew={live.arrived.has(row.key)}
              onFocus={setFocused}
            />
          ))}
        </ul>
      </div>
    </>
  );
}

function callsAway(key: string, height: number): number | undefined {
  const page = Math.max(1, Math.floor(height / CALL_HEIGHT) - 1);
  const moves: Readonly<Record<string, number>> = {
    ArrowDown: 1,
    ArrowUp: -1,
    PageDown: page,
    PageUp: -page,
    Home: Number.NEGATIVE_INFINITY,
    End: Number.POSITIVE_INFINITY,
  };
  return moves[key];
}

function reveal(box: HTMLElement | null, { top }: Row): void {
  if (box === null) return;
  if (top < box.scrollTop) box.scrollTop = top;
  else if (top + CALL_HEIGHT > box.scrollTop + box.clientHeight) box.scrollTop = top + CALL_HEIGHT - box.clientHeight;
}

/** Whoever has scrolled down keeps seeing the same calls while new ones come above them. */
function useAnchor(
  box: { current: HTMLElement | null },
  rows: readonly Row[],
  keys: ReadonlyMap<string, number>,
): void {
  const before = useRef(rows);
  useLayoutEffect(() => {
    const element = box.current;
    const old = before.current;
    before.current = rows;
    if (element === null || old === rows || element.scrollTop < CALL_HEIGHT / 2) return;
    const anchor = old.slice(rowAt(old, element.scrollTop)).find(({ key, kind }) => kind === 'call' && keys.has(key));
    const now = rows[keys.get(anchor?.key ?? '') ?? -1];
    if (anchor !== undefined && now !== undefined) element.scrollTop += now.top - anchor.top;
  }, [rows]);
}

function said({ calls, all, live, filter }: Omit<Props, 'shown'>): string {
  if (live.listed === undefined && all === 0) return '';
  const shown = (count: number) => new Intl.NumberFormat('en').format(count);
  const number = (count: number) => `${shown(count)} ${count === 1 ? 'call' : 'calls'}`;
  if (all === 0) return 'No call is stored yet. What comes is shown here at once.';
  const isAll = JSON.stringify(filter) === JSON.stringify(NO_FILTER);
  if (isAll) return number(all);
  const hint = filter.words.trim() === '' || calls.length > 0 ? '' : ' Enter searches what was said.';
  return `${number(calls.length)} of ${shown(all)}.${hint}`;
}
