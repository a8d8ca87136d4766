import { useEffect, useRef, useState } from 'preact/hooks';
import type { QuarantinePage, Replayed, StoredBlob } from './api.ts';
import { askJson, blobPath, messageOf, postJson } from './ask.ts';
import { RawText } from './rawText.tsx';
import { showSize } from './sizes.ts';
import { showMoment } from './times.ts';

/** Why something is there, for people: docs/operate.md has what to do about each. */
const REASONS: Readonly<Record<string, string>> = {
  not_json: 'not JSON, or not valid UTF-8',
  not_an_event: 'JSON, but not an event',
  ambiguous: 'a member that decides is there twice',
  unknown_type: 'the type of the event is not known',
  unusable_ids: 'without ids that could be a name',
  no_audio: 'a recording without sound',
  broken_audio: 'the sound in it is damaged',
  unexpected_audio: 'sound in an event that has none',
};

const OUTCOMES: Readonly<Record<string, string>> = {
  stored: 'Stored.',
  duplicate: 'It was stored before; taken out of quarantine.',
  'kept-beside': 'Stored beside the one that was there.',
  erased: 'Of a call that was erased: deleted.',
  quarantined: 'Still not understood: it stays here.',
  off: 'It stays here.',
  check: 'It stays here.',
};

/** After these it is not in quarantine any more. */
const LEAVES = new Set(['stored', 'duplicate', 'kept-beside', 'erased']);

/** Everything that is in quarantine. */
export function QuarantineView() {
  const [page, setPage] = useState<QuarantinePage>();
  const [problem, setProblem] = useState<string>();
  const [said, setSaid] = useState('');
  const heading = useRef<HTMLHeadingElement>(null);
  const look = () => askJson<QuarantinePage>('/api/quarantine').then(setPage, (error) => setProblem(messageOf(error)));
  useEffect(() => {
    look();
    heading.current?.focus();
  }, []);
  const replayAll = async () => {
    setSaid('Replaying …');
    try {
      const all = await postJson<Replayed[]>('/api/quarantine/replay', {});
      setSaid(`${all.length} replayed: ${counted(all.map(({ outcome }) => outcome))}.`);
    } catch (error) {
      setSaid(messageOf(error));
    }
    await look();
  };
  return (
    <article>
      <a class="back" href="#/">
        ← All calls
      </a>
      <h2 tabIndex={-1} ref={heading}>
        Quarantine
      </h2>
      <p>
        Genuine, and not understood. To replay is to classify it once more: what is understood by now is stored and
        taken out of here.
      </p>
      {problem !== undefined && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <p role="status">{said}</p>
      {page !== undefined && page.items.length === 0 && <p class="nothing">Nothing is in quarantine.</p>}
      {page !== undefined && page.items.length > 0 && (
        <>
          <p>
            <button type="button" onClick={replayAll}>
              Replay all
            </button>{' '}
            {page.total > page.items.length && `The newest ${page.items.length} of ${page.total} are shown.`}
          </p>
          <QuarantineItems
            items={page.items}
            onReplayed={(outcome) => {
              setSaid(outcome);
              look();
            }}
          />
        </>
      )}
    </article>
  );
}

function counted(outcomes: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const outcome of outcomes) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  return [...counts].map(([outcome, count]) => `${count} ${outcome}`).join(', ');
}

/** Bodies in quarantine, each with its reason and what can be done with it. */
export function QuarantineItems({
  items,
  onReplayed,
}: {
  items: readonly StoredBlob[];
  onReplayed: (said: string) => void;
}) {
  return (
    <ul class="quarantined">
      {items.map((item) => (
        <QuarantineItem key={item.blob} item={item} onReplayed={onReplayed} />
      ))}
    </ul>
  );
}

function QuarantineItem({ item, onReplayed }: { item: StoredBlob; onReplayed: (said: string) => void }) {
  const [said, setSaid] = useState('');
  const { blob, metadata, bytes, stored_at, is_part } = item;
  const reason = metadata['quarantine_reason'] ?? 'unknown';
  const name = blob.slice(blob.lastIndexOf('/') + 1);
  const replay = async () => {
    setSaid('Replaying …');
    try {
      const [done] = await postJson<Replayed[]>('/api/quarantine/replay', { blob });
      const outcome =
        done === undefined ? 'It is not there any more.' : (done.hint ?? OUTCOMES[done.outcome] ?? done.outcome);
      setSaid(outcome);
      if (done === undefined || LEAVES.has(done.outcome)) onReplayed(`${name}: ${outcome}`);
    } catch (error) {
      setSaid(messageOf(error));
    }
  };
  return (
    <li>
      <p>
        <strong>{reason}</strong> {REASONS[reason] !== undefined && `– ${REASONS[reason]}`}
      </p>
      <p class="hint">
        {showMoment(new Date(stored_at))} · {showSize(bytes)} · {metadata['conversation_id'] ?? name}
      </p>
      <p class="actions">
        <button type="button" onClick={replay} aria-label={`Replay ${name}`}>
          Replay
        </button>
        {is_part && <span class="hint">A part of a body: its other parts go with it.</span>}
        <a href={`${blobPath(blob)}?download`} aria-label={`Download ${name}`}>
          Download
        </a>
      </p>
      <p role="status">{said}</p>
      <RawText blob={blob} bytes={bytes} />
    </li>
  );
}
