import type { CallPage } from './api.ts';

/** What ElevenLabs makes of the call: summary, evaluation, collected data. */
export function Analysis({ call: { transcript } }: { call: CallPage }) {
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
