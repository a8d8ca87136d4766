import { useEffect, useRef, useState } from 'preact/hooks';
import { Analysis } from './analysis.tsx';
import type { CallPage } from './api.ts';
import { askJson, messageOf } from './ask.ts';
import { Marks } from './callRow.tsx';
import { Costs } from './costs.tsx';
import { Facts, factsOf } from './facts.tsx';
import { timeOf } from './filter.ts';
import { HearAndRead } from './hearAndRead.tsx';
import { QuarantineItems } from './quarantineView.tsx';
import { StoredBlobs } from './storedBlobs.tsx';
import { showDuration, showMoment } from './times.ts';

/** One call: hear it, read it, and everything else that is known of it. `version` changes when more of it was stored. */
export function CallView({ path, version }: { path: string; version: string }) {
  const [call, setCall] = useState<CallPage>();
  const [problem, setProblem] = useState<string>();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    const abort = new AbortController();
    askJson<CallPage>(`/api/calls/${path}`, { signal: abort.signal }).then(
      (found) => {
        setCall(found);
        setProblem(undefined);
      },
      (error: unknown) => {
        if (!abort.signal.aborted) setProblem(messageOf(error));
      },
    );
    return () => abort.abort();
  }, [version]);
  const isHere = call !== undefined;
  useEffect(() => heading.current?.focus(), [isHere]);
  if (problem !== undefined) {
    return (
      <p class="problem" role="alert">
        {problem}
      </p>
    );
  }
  if (call === undefined) return <p class="nothing">Loading …</p>;
  const { transcript } = call;
  return (
    <article>
      <a class="back" href="#/">
        ← All calls
      </a>
      <h2 tabIndex={-1} ref={heading}>
        {titleOf(call)}
      </h2>
      <p class="about">
        {showMoment(timeOf(call))}
        {call.duration_seconds !== null && ` · ${showDuration(call.duration_seconds)}`}
        {transcript?.agent_name && ` · ${transcript.agent_name}`}
      </p>
      <p class="marks">
        <Marks call={call} />
      </p>
      <HearAndRead call={call} />
      <Analysis call={call} />
      <Failed call={call} />
      {transcript?.metadata && <Costs metadata={transcript.metadata} />}
      <Details call={call} />
      <QuarantineOf call={call} />
      <StoredBlobs blobs={call.blobs} />
    </article>
  );
}

function titleOf({ external_number, conversation_id, transcript }: CallPage): string {
  return transcript?.analysis?.call_summary_title || external_number || conversation_id;
}

function Failed({ call: { failure } }: { call: CallPage }) {
  if (failure === null) return null;
  const { agent_id: _, conversation_id: __, ...said } = failure;
  return (
    <section>
      <h3>Why the call was not made</h3>
      <Facts facts={factsOf(said)} />
    </section>
  );
}

function Details({ call }: { call: CallPage }) {
  const { transcript } = call;
  const { charging: _, cost: __, cost_fiat: ___, ...metadata } = transcript?.metadata ?? {};
  const variables = factsOf(transcript?.conversation_initiation_client_data?.dynamic_variables ?? {});
  return (
    <section>
      <h3>Details</h3>
      <Facts
        facts={factsOf({
          conversation: call.conversation_id,
          agent: call.agent_id,
          number: call.external_number,
          direction: call.direction,
          status: transcript?.status,
          ...metadata,
        })}
      />
      {variables.length > 0 && (
        <details>
          <summary>Dynamic variables</summary>
          <Facts facts={variables} />
        </details>
      )}
    </section>
  );
}

function QuarantineOf({ call }: { call: CallPage }) {
  const items = call.blobs.filter(({ form }) => form === 'quarantine');
  if (items.length === 0) return null;
  return (
    <section>
      <h3>In quarantine</h3>
      <QuarantineItems items={items} onReplayed={() => {}} />
    </section>
  );
}
