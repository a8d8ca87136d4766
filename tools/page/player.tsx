import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { blobPath } from './ask.ts';
import { showSize } from './sizes.ts';
import { Waveform } from './waveform.tsx';

export interface Recording {
  /** `container/name`. */
  readonly blob: string;
  readonly bytes: number;
  /** For people, when there are several. */
  readonly name: string;
}

interface Props {
  readonly audio: RefObject<HTMLAudioElement | null>;
  /** At least one. */
  readonly recordings: readonly Recording[];
  readonly onTime: (seconds: number) => void;
}

/** The browser's own player, which the keyboard and screen readers know, with the waveform above it. It plays while it loads. */
export function Player({ audio, recordings, onTime }: Props) {
  const [chosen, setChosen] = useState(0);
  const [problem, setProblem] = useState<string>();
  const recording = recordings[chosen] ?? recordings[0];
  if (recording === undefined) return null;
  const path = blobPath(recording.blob);
  return (
    <section aria-label="Recording" class="player">
      {recordings.length > 1 && (
        <label>
          Recording
          <select value={chosen} onChange={({ currentTarget }) => setChosen(Number(currentTarget.value))}>
            {recordings.map(({ blob, name, bytes }, index) => (
              <option key={blob} value={index}>{`${name}, ${showSize(bytes)}`}</option>
            ))}
          </select>
        </label>
      )}
      <Waveform key={path} audio={audio} path={path} bytes={recording.bytes} />
      <Sound key={`sound ${path}`} audio={audio} path={path} onTime={onTime} onProblem={setProblem} />
      {problem !== undefined && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <p class="hint">
        <a href={`${path}?download`}>Download the recording</a> ({showSize(recording.bytes)})
      </p>
    </section>
  );
}

interface SoundProps extends Pick<Props, 'audio' | 'onTime'> {
  readonly path: string;
  readonly onProblem: (text: string | undefined) => void;
}

function Sound({ audio, path, onTime, onProblem }: SoundProps) {
  const latest = useRef(onTime);
  latest.current = onTime;
  useEffect(() => {
    const element = audio.current;
    onProblem(undefined);
    return () => {
      // Else the browser goes on loading, and keeps what it has, until it collects the element.
      element?.pause();
      element?.removeAttribute('src');
      element?.load();
    };
  }, []);
  return (
    // biome-ignore lint/a11y/useMediaCaption: the turns below are its captions
    <audio
      controls
      preload="metadata"
      src={path}
      ref={audio}
      onTimeUpdate={({ currentTarget }) => latest.current(currentTarget.currentTime)}
      onSeeking={({ currentTarget }) => latest.current(currentTarget.currentTime)}
      onError={({ currentTarget }) => {
        if (currentTarget.hasAttribute('src')) onProblem('The recording cannot be played: it is missing or damaged.');
      }}
    />
  );
}
