import type { StoredBlob } from './api.ts';
import { blobPath } from './ask.ts';
import { Facts, factsOf } from './facts.tsx';
import { RawText } from './rawText.tsx';
import { showSize } from './sizes.ts';
import { showMoment } from './times.ts';

/** What is stored of a call: each blob with its metadata, its raw text, and a download. */
export function StoredBlobs({ blobs }: { blobs: readonly StoredBlob[] }) {
  return (
    <section>
      <h3>Stored</h3>
      <ul class="blobs">
        {blobs.map(({ blob, form, bytes, stored_at, is_beside, metadata }) => (
          <li key={blob}>
            <p>
              <strong>{form}</strong>
              {is_beside && <span class="mark warn">kept beside: another body for the same call</span>}{' '}
              <span class="hint">
                {showSize(bytes)} · {showMoment(new Date(stored_at))}
              </span>
            </p>
            <p class="name">
              {blob}{' '}
              <a href={`${blobPath(blob)}?download`} aria-label={`Download ${form} ${blob}`}>
                Download
              </a>
            </p>
            <details>
              <summary>Metadata</summary>
              <Facts facts={factsOf(metadata)} />
            </details>
            <RawText blob={blob} bytes={bytes} />
          </li>
        ))}
      </ul>
    </section>
  );
}
