import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import WaveSurfer from 'wavesurfer.js';
import { readPeaks } from './peaks.ts';

interface Props {
  readonly audio: RefObject<HTMLAudioElement | null>;
  readonly path: string;
  readonly bytes: number;
}

const HEIGHT = 72;
/** Drawing takes long beside decoding a piece. */
const DRAW_MS = 250;

/** How loud the recording is over its time; a click in it goes there. The player below does the same for the keyboard. */
export function Waveform({ audio, path, bytes }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [state, setState] = useState('The waveform is being read …');
  useEffect(() => {
    const element = audio.current;
    if (box.current === null || element === null) return;
    const abort = new AbortController();
    const nonce = document.querySelector<HTMLMetaElement>('meta[name=style-nonce]')?.content ?? '';
    const wave = WaveSurfer.create({
      container: box.current,
      media: element,
      height: HEIGHT,
      barWidth: 2,
      barGap: 1,
      barRadius: 1,
      normalize: true,
      cspNonce: nonce,
      // With peaks it reads nothing by itself; those that are there are drawn as they come.
      peaks: [[0, 0]],
      duration: 1,
      ...colours(),
    });
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    const recolour = () => wave.setOptions(colours());
    scheme.addEventListener('change', recolour);
    let drawnAt = 0;
    readPeaks(path, {
      bytes,
      signal: abort.signal,
      tell: ({ values, durationSeconds, isComplete }) => {
        if (values.length === 0 || (!isComplete && performance.now() - drawnAt < DRAW_MS)) return;
        drawnAt = performance.now();
        const whole = new Float32Array(
          Math.max(values.length, Math.round((values.length * durationSeconds) / secondsOf(values))),
        );
        whole.set(values);
        // Of what the player has loaded already, so only the drawing changes.
        void wave.load(element.currentSrc || element.src, [whole], durationSeconds);
        setState(isComplete ? '' : `${Math.round((100 * values.length) / whole.length)} % of the waveform is read …`);
      },
    }).catch(() => {
      if (!abort.signal.aborted) setState('There is no waveform of this recording.');
    });
    return () => {
      abort.abort();
      scheme.removeEventListener('change', recolour);
      wave.destroy();
    };
  }, []);
  return (
    <>
      <div class="waveform" ref={box} aria-hidden="true" />
      <p class="hint">{state}</p>
    </>
  );
}

function secondsOf(values: Float32Array): number {
  return values.length / 20;
}

function colours(): { waveColor: string; progressColor: string; cursorColor: string } {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  return { waveColor: colour('--wave'), progressColor: colour('--accent'), cursorColor: colour('--text') };
}
