import { useEffect, useRef, useState } from 'preact/hooks';
import type { CallPage } from './api.ts';
import { askJson, messageOf } from './ask.ts';
import { Marks } from './callRow.tsx';
import { Costs } from './costs.tsx';
import { Facts, factsOf } from './facts.tsx';
import { timeOf } from './filter.ts';
import { Player, type Recording } from './player.tsx';
import { QuarantineItems } from './quarantineView.tsx';
import { StoredBlobs } from './storedBlobs.tsx';
import { showDuration, showMoment } from './times.ts';
import { turnAt } from './turnAt.ts';
import { Turns } from './turns.tsx';

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
      <Summary call={call} />
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

/** The player and the turns; a click on a turn plays it, and the one that plays is marked. */
function HearAndRead({ call }: { call: CallPage }) {
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

function Summary({ call: { transcript } }: { call: CallPage }) {
  const analysis = transcript?.analysis;
  if (!analysis) return null;
  const data = Object.entries(analysis.data_collection_results);
  const criteria = Object.entries(analysis.evaluation_criteria_results);
  return (
    <>
      {analysis.transcript_summary && (
        <section>
          <h3>Summary</h3>
          <p dir="auto">{analysis.transcript_summary}</p>
        </section>
      )}
      {criteria.length > 0 && (
        <section>
          <h3>Evaluation</h3>
          <dl class="wide">
            {criteria.map(([name, { result, rationale }]) => (
              <Row key={name} name={name} value={result ?? 'unknown'} why={rationale} />
            ))}
          </dl>
        </section>
      )}
      {data.length > 0 && (
        <section>
          <h3>Collected data</h3>
          <dl class="wide">
            {data.map(([name, { value, rationale }]) => (
              <Row key={name} name={name} value={shownValue(value)} why={rationale} />
            ))}
          </dl>
        </section>
      )}
    </>
  );
}

function Row({ name, value, why }: { name: string; value: string; why: string | null | undefined }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <strong dir="auto">{value}</strong>
        {why && (
          <span class="why" dir="auto">
            {why}
          </span>
        )}
      </dd>
    </div>
  );
}

function shownValue(value: unknown): string {
  if (value === null || value === undefined) return '–';
  return typeof value === 'string' ? value : JSON.stringify(value);
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
