import { useEffect, useRef, useState } from 'preact/hooks';
import type { Turn } from '../cli/calls/transcript.ts';
import { showDuration } from './times.ts';

/** So many are drawn at once; a body of 16 MB may hold hundreds of thousands. */
const AT_ONCE = 300;
const LONGEST_TEXT = 20_000;

interface Props {
  readonly turns: readonly Turn[];
  /** The one that is heard, or -1. */
  readonly playing: number;
  /** Undefined when there is nothing to hear. */
  readonly onPlay: ((seconds: number) => void) | undefined;
}

/** What was said, and what tools were asked and have answered, each from its time on. All of it is text. */
export function Turns({ turns, playing, onPlay }: Props) {
  const [most, setMost] = useState(AT_ONCE);
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => {
    list.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest' });
  }, [playing]);
  return (
    <section aria-label="Turns">
      <ol class="turns" ref={list}>
        {turns.slice(0, most).map((turn, index) => (
          <TurnItem key={index} turn={turn} isPlaying={index === playing} onPlay={onPlay} />
        ))}
      </ol>
      {turns.length > most && (
        <button type="button" onClick={() => setMost(most + AT_ONCE)}>
          {`Show more: ${turns.length - most} turns are left`}
        </button>
      )}
    </section>
  );
}

function TurnItem({ turn, isPlaying, onPlay }: { turn: Turn; isPlaying: boolean; onPlay: Props['onPlay'] }) {
  const { role, message, time_in_call_secs: seconds, interrupted, tool_calls, tool_results } = turn;
  const canPlay = onPlay !== undefined && typeof seconds === 'number';
  const time = typeof seconds === 'number' ? showDuration(seconds) : '';
  const play = () => canPlay && onPlay(seconds);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the button in it does the same for the keyboard
    <li
      class={`turn ${role === 'user' ? 'user' : 'agent'}`}
      aria-current={isPlaying ? 'true' : undefined}
      onClick={(event) => {
        const isText = getSelection()?.isCollapsed === false;
        if (!isText && !(event.target as Element).closest('button, summary, pre')) play();
      }}
    >
      {canPlay ? (
        <button type="button" class="from" onClick={play} aria-label={`Play from ${time}`}>
          ▶ {time}
        </button>
      ) : (
        <span class="from">{time}</span>
      )}
      <div>
        <span class="role">{role === 'user' ? 'Caller' : role === 'agent' ? 'Agent' : role}</span>
        {message && (
          <p dir="auto">
            {message.slice(0, LONGEST_TEXT)}
            {interrupted && <span class="mark">interrupted</span>}
          </p>
        )}
        {tool_calls.map(({ tool_name, params_as_json }, index) => (
          <Tool key={`call ${String(index)}`} title={`Tool ${tool_name}`} text={params_as_json} />
        ))}
        {tool_results.map(({ tool_name, result_value, is_error, tool_latency_secs: latency }, index) => (
          <Tool
            key={`result ${String(index)}`}
            title={`${is_error ? 'Error' : 'Answer'} of ${tool_name}${latency ? ` after ${latency.toFixed(1)} s` : ''}`}
            text={result_value}
            isError={is_error === true}
          />
        ))}
      </div>
    </li>
  );
}

function Tool({ title, text, isError = false }: { title: string; text: string | null | undefined; isError?: boolean }) {
  return (
    <details class={isError ? 'tool bad' : 'tool'}>
      <summary>{title}</summary>
      <pre dir="auto">{text ? pretty(text).slice(0, LONGEST_TEXT) : '–'}</pre>
    </details>
  );
}

function pretty(text: string): string {
  if (text.length > LONGEST_TEXT) return text;
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return text;
  }
}
