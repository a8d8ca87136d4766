import type { CallSummary } from './api.ts';
import { isFailed, timeOf } from './filter.ts';
import { CALL_HEIGHT, DAY_HEIGHT, type Row } from './rows.ts';
import { callHash } from './shown.ts';
import { showDuration, showTime } from './times.ts';

interface Props {
  readonly row: Row;
  readonly total: number;
  readonly isShown: boolean;
  /** The one that the Tab key goes to. */
  readonly isEntry: boolean;
  readonly isNew: boolean;
  readonly onFocus: (key: string) => void;
}

/** One call of the list, or the heading of a day. */
export function CallRow({ row, total, isShown, isEntry, isNew, onFocus }: Props) {
  const style = { top: `${row.top}px`, height: `${row.kind === 'day' ? DAY_HEIGHT : CALL_HEIGHT}px` };
  if (row.kind === 'day') {
    return (
      <li class="day" style={style}>
        <h2>{row.label}</h2>
      </li>
    );
  }
  const { call, position, key } = row;
  const time = timeOf(call);
  return (
    <li style={style} aria-setsize={total} aria-posinset={position} class={isNew ? 'new' : undefined}>
      <a
        href={callHash(key)}
        aria-current={isShown ? 'page' : undefined}
        tabIndex={isEntry ? 0 : -1}
        onFocus={() => onFocus(key)}
      >
        <time dateTime={time.toISOString()}>{showTime(time)}</time>
        <span class="who">{call.external_number ?? call.conversation_id}</span>
        <span class="long">{call.duration_seconds === null ? '' : showDuration(call.duration_seconds)}</span>
        <span class="marks">
          <Marks call={call} />
        </span>
      </a>
    </li>
  );
}

/** What is to be noticed about a call, in words: colours alone say nothing to everybody. */
export function Marks({ call }: { call: CallSummary }) {
  const { has, missing, successful, failure_reason, direction } = call;
  const failed = has.failure
    ? `not connected${failure_reason === null ? '' : `: ${failure_reason}`}`
    : 'not successful';
  const marks: (readonly [kind: '' | 'good' | 'bad' | 'warn', text: string])[] = [
    ...(direction === null ? [] : [['', direction] as const]),
    ...(isFailed(call) ? [['bad', failed] as const] : []),
    ...(successful === 'success' ? [['good', 'successful'] as const] : []),
    ...missing.map((form) => ['warn', `no ${form}`] as const),
    ...(has.quarantine ? [['warn', 'quarantine'] as const] : []),
    ...(has.otel && !has.transcript ? [['', 'OpenTelemetry'] as const] : []),
  ];
  return (
    <>
      {marks.map(([kind, text]) => [
        <span key={text} class={`mark ${kind}`}>
          {text}
        </span>,
        ' ',
      ])}
    </>
  );
}
