import { useEffect, useRef, useState } from 'preact/hooks';
import type { About } from './api.ts';
import { postJson } from './ask.ts';
import type { LiveState } from './liveCalls.ts';

/** Arrivals are announced to a screen reader at most so often. */
const ANNOUNCE_MS = 5_000;

/** Which storage it is, and whether what is shown is what is there. */
export function StatusLine({ live, about }: { live: LiveState; about: About | undefined }) {
  const { isConnected, seen, listed, problem } = live;
  const more = listed !== undefined && about !== undefined && listed.matching > about.limit;
  const state = !isConnected
    ? 'Not connected: does it still run in its terminal?'
    : listed === undefined && problem === undefined
      ? `Looking${seen === undefined ? '' : `: ${count(seen)} calls`} …`
      : 'Live';
  return (
    <div class="status-line">
      <p>
        <span class={`dot ${isConnected && problem === undefined ? 'good' : 'bad'}`} aria-hidden="true" />
        <span class="state">{state}</span>
        {about !== undefined && <span class="storage">{` · ${about.storage}`}</span>}
        {about !== undefined && about.chosen !== '' && <span>{` · ${about.chosen}`}</span>}
        {more && <span>{` · the newest ${count(about.limit)} of ${count(listed.matching)}`}</span>}{' '}
        <button type="button" onClick={() => postJson('/api/refresh', {}).catch(() => {})}>
          Refresh
        </button>
      </p>
      {problem !== undefined && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <Arrivals arrived={live.arrived} />
    </div>
  );
}

function Arrivals({ arrived }: { arrived: LiveState['arrived'] }) {
  const [text, setText] = useState('');
  const announced = useRef(new Set<string>());
  useEffect(() => {
    const fresh = [...arrived].filter((key) => !announced.current.has(key));
    if (fresh.length === 0) return;
    const timer = setTimeout(
      () => {
        announced.current = new Set(arrived);
        setText(fresh.length === 1 ? 'A call has arrived.' : `${fresh.length} calls have arrived.`);
      },
      text === '' ? 0 : ANNOUNCE_MS,
    );
    return () => clearTimeout(timer);
  }, [arrived]);
  return (
    <p class="for-screen-readers" role="status">
      {text}
    </p>
  );
}

function count(number: number): string {
  return new Intl.NumberFormat('en').format(number);
}
