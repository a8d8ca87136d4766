import { useRef, useState } from 'preact/hooks';
import type { CallPage } from './api.ts';
import { Player, type Recording } from './player.tsx';
import { showDuration } from './times.ts';
import { turnAt } from './turnAt.ts';
import { Turns } from './turns.tsx';

/** The player and the turns; a click on a turn plays it, and the one that plays is marked. */
export function HearAndRead({ call }: { call: CallPage }) {
  const audio = useRef<HTMLAudioElement>(null);
  const [playing, setPlaying] = useState(-1);
  const [note, setNote] = useState('');
  const recordings = recordingsOf(call);
  const turns = call.transcript?.transcript ?? [];
  const play = (seconds: number) => {
    const element = audio.current;
    if (element === null) return;
    const isBeyond = Number.isFinite(element.duration) && seconds >= element.duration;
    setNote(isBeyond ? `The recording ends at ${showDuration(element.duration)}, before this turn.` : '');
    if (isBeyond) return;
    element.currentTime = seconds;
    element.play().catch(() => {}); // the player says why
  };
  return (
    <>
      {recordings.length === 0 ? (
        <NoRecording call={call} />
      ) : (
        <Player audio={audio} recordings={recordings} onTime={(seconds) => setPlaying(turnAt(turns, seconds))} />
      )}
      <p class="hint" role="status">
        {note}
      </p>
      {turns.length > 0 ? (
        <Turns turns={turns} playing={playing} onPlay={recordings.length === 0 ? undefined : play} />
      ) : (
        <NoTurns call={call} />
      )}
    </>
  );
}

function recordingsOf({ blobs }: CallPage): Recording[] {
  return blobs
    .filter(({ form }) => form === 'recording')
    .map(({ blob, bytes, is_beside }) => ({ blob, bytes, name: is_beside ? 'another delivery' : 'first delivery' }));
}

function NoRecording({ call }: { call: CallPage }) {
  if (call.has.failure && !call.has.transcript) return null;
  return (
    <p class="notice">
      {call.missing.includes('recording')
        ? 'The recording is missing: the transcript says that there is one, and none is stored.'
        : 'No recording is stored.'}
    </p>
  );
}

function NoTurns({ call }: { call: CallPage }) {
  if (call.has.otel && !call.has.transcript) {
    return <p class="notice">The transcript is stored in the OpenTelemetry form alone: its raw JSON is below.</p>;
  }
  if (call.missing.includes('transcript'))
    return <p class="notice">The transcript is missing: only a recording is stored.</p>;
  return call.has.transcript ? <p class="notice">The transcript has no turns.</p> : null;
}
