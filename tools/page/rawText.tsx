import { useState } from 'preact/hooks';
import { ask, blobPath, messageOf } from './ask.ts';

/** More text than that makes a page slow; the download has all. */
const MOST_BYTES = 1_000_000;

/** A body as it was stored, as text: JSON with line breaks, everything else as it is. Read when it is opened. */
export function RawText({ blob, bytes }: { blob: string; bytes: number }) {
  const [text, setText] = useState<string>();
  const isSound = blob.endsWith('.mp3');
  if (isSound) return null;
  const load = async () => {
    if (text !== undefined) return;
    setText('Loading …');
    const isCut = bytes > MOST_BYTES;
    try {
      const options = isCut ? { headers: { range: `bytes=0-${MOST_BYTES - 1}` } } : {};
      const raw = await (await ask(blobPath(blob), options)).text();
      setText(isCut ? `${raw}\n… cut here: the download has all of it.` : pretty(raw));
    } catch (error) {
      setText(messageOf(error));
    }
  };
  return (
    <details onToggle={({ currentTarget }) => void (currentTarget.open && load())}>
      <summary>Raw text</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard has to be able to scroll it */}
      <pre class="raw" tabIndex={0}>
        {text}
      </pre>
    </details>
  );
}

function pretty(raw: string): string {
  try {
    return JSON.stringify(JSON.parse(raw), undefined, 2);
  } catch {
    return raw;
  }
}
